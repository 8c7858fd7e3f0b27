import { Hono } from "hono";
import type { OAuth, OAuthError, TokenRequest } from "./oauth.ts";
import { type Authorization, type Consent, resolveRedirectUri } from "./oauth_app.ts";
import type { IssuedToken } from "./oauth_tokens.ts";
import type { Users } from "../world/users.ts";

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors */
const AUTHORIZATION_ERRORS = {
  access_denied: "The user has denied your application access.",
  redirect_uri_mismatch:
    "The redirect_uri MUST match the registered callback URL for this application.",
};

/**
 * GitHub's sign-in pages, on its web host. They need no clicks: `consent` returns the user that consents.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
export function oauthPages({ oauth, users, consent }: {
  readonly oauth: OAuth;
  readonly users: Users;
  readonly consent: Consent;
}): Hono {
  const pages = new Hono();
  pages.onError((error) => {
    throw error;
  });

  pages.get("/login/oauth/authorize", (c) => {
    const query = c.req.query();
    const app = oauth.findApp(query["client_id"] ?? "");
    const fallback = app && resolveRedirectUri(app, undefined);
    if (!app || fallback === undefined) return c.html("<h1>404</h1>", 404);
    const state = query["state"];
    const redirectUri = resolveRedirectUri(app, query["redirect_uri"]);
    const isUnsupportedMethod = "code_challenge" in query &&
      query["code_challenge_method"] !== "S256";
    if (redirectUri === undefined) {
      return c.redirect(toErrorRedirect(fallback, "redirect_uri_mismatch", state));
    }
    if (isUnsupportedMethod) return c.html("<h1>400</h1>", 400);
    const authorization: Authorization = {
      clientId: app.clientId,
      redirectUri,
      scopes: (query["scope"] ?? "").split(/[\s,]+/).filter((scope) => scope !== ""),
      state,
      login: query["login"],
      challenge: query["code_challenge"],
    };
    const login = consent(authorization);
    if (login === "denied") return c.redirect(toErrorRedirect(redirectUri, "access_denied", state));
    const code = oauth.createCode(authorization, users.get(login));
    return c.redirect(addQuery(redirectUri, { code, state }));
  });

  pages.post("/login/oauth/access_token", async (c) => {
    const response = oauth.requestToken({ ...c.req.query(), ...await parseFields(c.req.raw) });
    if (/json/.test(c.req.header("accept") ?? "")) return c.json(response);
    return c.body(toFormBody(response), 200, {
      "content-type": "application/x-www-form-urlencoded",
    });
  });

  return pages;
}

function toErrorRedirect(
  redirectUri: string,
  error: keyof typeof AUTHORIZATION_ERRORS,
  state: string | undefined,
): string {
  return addQuery(redirectUri, { error, error_description: AUTHORIZATION_ERRORS[error], state });
}

function addQuery(url: string, query: Readonly<Record<string, string | undefined>>): string {
  const result = new URL(url);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) result.searchParams.set(name, value);
  }
  return result.href;
}

/** The fields of a form or of a JSON object. */
async function parseFields(request: Request): Promise<TokenRequest> {
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

/** GitHub's default format if the client does not accept JSON. */
function toFormBody(response: IssuedToken | OAuthError): string {
  const fields = Object.entries(response).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(fields).toString();
}
