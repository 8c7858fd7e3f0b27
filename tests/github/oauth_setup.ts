import { createHash } from "node:crypto";
import { GitHubAccess } from "../../src/github/access.ts";
import { GitHubOAuth } from "../../src/github/oauth.ts";
import type { OAuthApp } from "../../src/simulator/auth/oauth_app.ts";
import { serve } from "../simulator/serve.ts";
import { neverAborted } from "./fake_server.ts";

export const CALLBACK = "http://127.0.0.1:4321/login/callback";
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
export const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
export const SECRET = "0123456789abcdef";

/** A simulated GitHub with an app and the user Mona (7), a member of octo-org. */
export function setUpOAuth(
  kind: OAuthApp["kind"] = "oauth_app",
  { api = "", clientSecret = SECRET }: {
    /** After the origin: `/api/v3` for a GitHub Enterprise Server. */
    readonly api?: string;
    /** The client secret that Runwire uses. */
    readonly clientSecret?: string;
  } = {},
) {
  const github = serve();
  const { simulator, world, url, clock } = github;
  simulator.registerOAuthApp({ clientId: "Iv1.a", clientSecret: SECRET, kind });
  world.users.add({ login: "mona", id: 7, name: "Mona Lisa", organizations: ["octo-org"] });
  simulator.consent = () => "mona";
  const version = "1.2.3";
  const apiUrl = url + api;
  const login = new GitHubOAuth({
    clientId: "Iv1.a",
    clientSecret,
    webUrl: url,
    apiUrl,
    version,
    clock,
  });
  /** The callback URL that GitHub redirects the browser to. */
  async function consent(): Promise<URLSearchParams> {
    const request = { state: "s t&te", challenge: CHALLENGE, redirectUri: CALLBACK };
    const response = await fetch(login.authorizationUrl(request), { redirect: "manual" });
    await response.body?.cancel();
    return new URL(response.headers.get("location") ?? "").searchParams;
  }
  const grant = async () => ({
    code: (await consent()).get("code") ?? "",
    verifier: VERIFIER,
    redirectUri: CALLBACK,
  });
  return {
    github,
    simulator,
    world,
    clock,
    login,
    access: new GitHubAccess({ baseUrl: apiUrl, version, clock }),
    consent,
    grant,
    tokens: async () => await login.exchangeCode(await grant(), neverAborted),
    requests: () => simulator.requests.entries.map(({ method, path }) => `${method} ${path}`),
    [Symbol.asyncDispose]: () => github[Symbol.asyncDispose](),
  };
}
