import type { Profile, UserTokens } from "./user.ts";

/** GitHub rejected a code or token: already used, expired or revoked. */
export class TokenRejectedError extends Error {
  override readonly name = "TokenRejectedError";
}

/**
 * Signs users in: GitHub, with an OAuth app or a GitHub App.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
 * All methods except `authorizationUrl` throw TokenRejectedError, or GitHubError when GitHub is unavailable.
 */
export interface OAuthProvider {
  /** Returns the URL to redirect a browser to. `challenge` uses the S256 method of RFC 7636. */
  authorizationUrl(
    request: { readonly state: string; readonly challenge: string; readonly redirectUri: string },
  ): string;
  exchangeCode(
    grant: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
    signal: AbortSignal,
  ): Promise<UserTokens>;
  refresh(refreshToken: string, signal: AbortSignal): Promise<UserTokens>;
  /** Succeeds for a token that is already revoked. */
  revoke(accessToken: string, signal: AbortSignal): Promise<void>;
  fetchProfile(accessToken: string, signal: AbortSignal): Promise<Profile>;
  /** The logins of the organizations that the user is an active member of. */
  listOrganizations(accessToken: string, signal: AbortSignal): Promise<readonly string[]>;
}
