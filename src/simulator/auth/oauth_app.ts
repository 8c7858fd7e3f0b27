/** An app that users sign in to. */
export interface OAuthApp {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Tokens of a GitHub App expire, can be refreshed, and only reach repositories with an installation. */
  readonly kind: "oauth_app" | "github_app";
  /** The first is the default redirect URI. Default: `http://127.0.0.1/login/callback`. */
  readonly callbackUrls?: readonly string[];
  /** Whether the GitHub App has opted out of expiring tokens. */
  readonly hasNonExpiringTokens?: boolean;
}

/** An authorization request of an app. */
export interface Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly state: string | undefined;
  /** The suggested account. */
  readonly login: string | undefined;
  /** PKCE challenge with S256. */
  readonly challenge: string | undefined;
}

/** The login of the user who consents, or `denied`. */
export type Consent = (authorization: Authorization) => string;

const DEFAULT_CALLBACK = "http://127.0.0.1/login/callback";
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * The redirect URI; `undefined` if the requested one is not registered. On a loopback address any port matches. Otherwise a
 * GitHub App requires an exact match, and an OAuth app also accepts a subdomain or a path below the registered one.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#redirect-urls
 */
export function resolveRedirectUri(
  { kind, callbackUrls = [DEFAULT_CALLBACK] }: OAuthApp,
  requested: string | undefined,
): string | undefined {
  if (requested === undefined) return callbackUrls[0];
  if (!URL.canParse(requested)) return undefined;
  const isRegistered = callbackUrls.some((registered) =>
    requested === registered || matchesRegistered(new URL(requested), new URL(registered), kind)
  );
  return isRegistered ? requested : undefined;
}

function matchesRegistered(requested: URL, registered: URL, kind: OAuthApp["kind"]): boolean {
  if (requested.protocol !== registered.protocol || requested.username || requested.hash) {
    return false;
  }
  const isLoopback = LOOPBACK.includes(registered.hostname);
  if (!isLoopback && requested.port !== registered.port) return false;
  if (kind === "github_app") {
    return isLoopback && requested.hostname === registered.hostname &&
      requested.pathname + requested.search === registered.pathname + registered.search;
  }
  const isSameHost = requested.hostname === registered.hostname ||
    requested.hostname.endsWith(`.${registered.hostname}`);
  const path = registered.pathname.replace(/\/$/, "");
  return isSameHost && (requested.pathname === path || requested.pathname.startsWith(`${path}/`));
}
