import { createHash } from "node:crypto";
import type { OAuthApp } from "../../../src/simulator/auth/oauth_app.ts";
import { serve, type TestResponse } from "../serve.ts";

export const CLIENT = { client_id: "Iv1.a", client_secret: "shh" };
export const CALLBACK = "http://127.0.0.1:4321/login/callback";
export const VERIFIER = "a-verifier-of-43-characters-at-the-very-least";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");

type Fields = Readonly<Record<string, string>>;

/** A simulated GitHub with an app and Mona (7), who consents: `await using github = setUpOAuthApp("github_app")`. */
export function setUpOAuthApp(
  kind: OAuthApp["kind"] = "oauth_app",
  app: Partial<OAuthApp> = {},
) {
  const github = serve();
  const { simulator, world, url } = github;
  const { client_id: clientId, client_secret: clientSecret } = CLIENT;
  simulator.registerOAuthApp({ clientId, clientSecret, kind, ...app });
  world.users.add({ login: "mona", id: 7, organizations: ["octo-org"] });
  simulator.consent = () => "mona";

  /** The redirect target; `undefined` without a redirect. */
  async function authorize(fields: Fields = {}): Promise<URL | undefined> {
    const query = new URLSearchParams({
      client_id: clientId,
      redirect_uri: CALLBACK,
      state: "xyz",
      ...fields,
    });
    const response = await fetch(`${url}/login/oauth/authorize?${query}`, { redirect: "manual" });
    await response.body?.cancel();
    const location = response.headers.get("location");
    return location === null ? undefined : new URL(location);
  }

  async function token(fields: Fields, accept = "application/json"): Promise<TestResponse> {
    return await github.request("/login/oauth/access_token", {
      method: "POST",
      headers: { accept, authorization: "none" },
      body: new URLSearchParams({ ...CLIENT, ...fields }),
    });
  }

  return {
    ...github,
    authorize,
    token,
    authorizationCode: async (fields: Fields = {}) =>
      (await authorize(fields))?.searchParams.get("code") ?? "",
    bearer: (token: unknown) => ({ headers: { authorization: `Bearer ${token}` } }),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}
