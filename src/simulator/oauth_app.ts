/** An app that users sign in to. */
export interface OAuthApp {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The tokens of a GitHub App expire and can be refreshed, and reach only what the App is installed on. */
  readonly kind: "oauth_app" | "github_app";
  /** The first is where users are sent back to unless the request says otherwise; `http://127.0.0.1/login/callback`. */
  readonly callbackUrls?: readonly string[];
  /** Whether the GitHub App has opted out of expiring tokens. */
  readonly hasNonExpiringTokens?: boolean;
}

/** What an app asks a user for. */
export interface Authorization {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly state: string | undefined;
  /** The account that is suggested for signing in. */
  readonly login: string | undefined;
  /** PKCE's, by S256. */
  readonly challenge: string | undefined;
}

/** The login of the user who consents, or `denied`. */
export type Consent = (authorization: Authorization) => string;

const DEFAULT_CALLBACK = "http://127.0.0.1/login/callback";
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * Where users are sent back to; `undefined` when what is wanted is not registered. On a loopback address any port will
 * do. Else a GitHub App's must be the very same, and an OAuth app's may be on a sub-domain or below the path.
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
