import type { Profile } from "./user.ts";

/** What a user's consent gives us. Times are ms since the epoch. */
export interface UserTokens {
  readonly accessToken: string;
  /** `undefined` for one that does not expire. */
  readonly expiresAt: number | undefined;
  /** Can be used once. */
  readonly refreshToken: string | undefined;
  readonly refreshExpiresAt: number | undefined;
}

/** GitHub does not take what it was given: a code or token that was used, has expired or was revoked. */
export class TokenRejectedError extends Error {
  override readonly name = "TokenRejectedError";
}

/**
 * Where users sign in: GitHub, for an OAuth app and for a GitHub App alike.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
 * All but `authorizationUrl` throw LoginRefusedError, or RefusedError when GitHub cannot be asked now.
 */
export interface OAuthProvider {
  /** Where to send a browser. `challenge` is the S256 one of RFC 7636. */
  authorizationUrl(
    request: { readonly state: string; readonly challenge: string; readonly redirectUri: string },
  ): string;
  exchangeCode(
    grant: { readonly code: string; readonly verifier: string; readonly redirectUri: string },
    signal: AbortSignal,
  ): Promise<UserTokens>;
  refresh(refreshToken: string, signal: AbortSignal): Promise<UserTokens>;
  /** Lets the token go; one that is gone already is fine. */
  revoke(accessToken: string, signal: AbortSignal): Promise<void>;
  fetchProfile(accessToken: string, signal: AbortSignal): Promise<Profile>;
  /** The logins of the organizations that the user is an active member of. */
  listOrganizations(accessToken: string, signal: AbortSignal): Promise<readonly string[]>;
}
