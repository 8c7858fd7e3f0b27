import { Hono } from "hono";
import type { OAuth, OAuthRefusal, TokenRequest } from "./oauth.ts";
import { type Authorization, type Consent, redirectUriOf } from "./oauth_app.ts";
import type { IssuedToken } from "./oauth_tokens.ts";
import type { People } from "./people.ts";

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors */
const REFUSED = {
  access_denied: "The user has denied your application access.",
  redirect_uri_mismatch:
    "The redirect_uri MUST match the registered callback URL for this application.",
};

/**
 * GitHub's pages about signing in, which are on its web host. Nobody clicks on them: `consent` says at once who consents.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
export function oauthPages({ oauth, people, consent }: {
  readonly oauth: OAuth;
  readonly people: People;
  readonly consent: Consent;
}): Hono {
  const pages = new Hono();
  pages.onError((error) => {
    throw error;
  });

  pages.get("/login/oauth/authorize", (c) => {
    const query = c.req.query();
    const app = oauth.app(query["client_id"] ?? "");
    const fallback = app && redirectUriOf(app, undefined);
    if (!app || fallback === undefined) return c.html("<h1>404</h1>", 404);
    const state = query["state"];
    const redirectUri = redirectUriOf(app, query["redirect_uri"]);
    const isPlain = "code_challenge" in query && query["code_challenge_method"] !== "S256";
    if (redirectUri === undefined) {
      return c.redirect(refusedAt(fallback, "redirect_uri_mismatch", state));
    }
    if (isPlain) return c.html("<h1>400</h1>", 400);
    const authorization: Authorization = {
      clientId: app.clientId,
      redirectUri,
      scopes: (query["scope"] ?? "").split(/[\s,]+/).filter((scope) => scope !== ""),
      state,
      login: query["login"],
      challenge: query["code_challenge"],
    };
    const login = consent(authorization);
    if (login === "denied") return c.redirect(refusedAt(redirectUri, "access_denied", state));
    const code = oauth.consented(authorization, people.get(login));
    return c.redirect(withQuery(redirectUri, { code, state }));
  });

  pages.post("/login/oauth/access_token", async (c) => {
    const answer = oauth.token({ ...c.req.query(), ...await fieldsOf(c.req.raw) });
    if (/json/.test(c.req.header("accept") ?? "")) return c.json(answer);
    return c.body(formOf(answer), 200, { "content-type": "application/x-www-form-urlencoded" });
  });

  return pages;
}

function refusedAt(
  redirectUri: string,
  error: keyof typeof REFUSED,
  state: string | undefined,
): string {
  return withQuery(redirectUri, { error, error_description: REFUSED[error], state });
}

function withQuery(url: string, query: Readonly<Record<string, string | undefined>>): string {
  const result = new URL(url);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) result.searchParams.set(name, value);
  }
  return result.href;
}

/** The fields of a form or of a JSON object. */
async function fieldsOf(request: Request): Promise<TokenRequest> {
  const text = await request.text();
  if (!/json/.test(request.headers.get("content-type") ?? "")) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== "object" || fields === null) return {};
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  } catch {
    return {};
  }
}

/** GitHub answers so unless JSON is asked for. */
function formOf(answer: IssuedToken | OAuthRefusal): string {
  const fields = Object.entries(answer).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(fields).toString();
}
