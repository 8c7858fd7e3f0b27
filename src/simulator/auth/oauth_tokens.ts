import type { Clock } from "../../clock.ts";
import type { OAuthApp } from "./oauth_app.ts";
import { randomHex } from "../world/random.ts";

/** A token issued to an app with a user's consent. Times in ms since the epoch. */
export interface UserToken {
  readonly token: string;
  readonly app: OAuthApp;
  readonly userId: number;
  /** Empty for a GitHub App, which has permissions instead. */
  readonly scopes: readonly string[];
  /** Tokens of a GitHub App can expire, and be refreshed once. */
  readonly expiresAt: number;
  readonly refreshToken: string | undefined;
  readonly refreshExpiresAt: number;
}

/** The response of the token endpoint. */
export interface IssuedToken {
  readonly access_token: string;
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly refresh_token_expires_in?: number;
  /** Comma-separated. */
  readonly scope: string;
  readonly token_type: "bearer";
}

/** Eight hours, and six months: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens */
const EXPIRES_IN_SECONDS = 28_800;
const REFRESH_EXPIRES_IN_SECONDS = 15_897_600;

/** Per user, app and scope; the oldest token is revoked: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/rate-limits-for-oauth-apps */
const MAX_TOKENS = 10;

/** The valid tokens of users. */
export class OAuthTokens {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** By token, oldest first. */
  readonly #tokens = new Map<string, UserToken>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The tokens of a user, oldest first, including expired ones. */
  listByUser(userId: number): readonly UserToken[] {
    return [...this.#tokens.values()].filter((token) => token.userId === userId);
  }

  /** A valid token. */
  find(token: string): UserToken | undefined {
    const found = this.#tokens.get(token);
    return found && this.#clock.now() < found.expiresAt ? found : undefined;
  }

  issue(app: OAuthApp, { userId, scopes }: Pick<UserToken, "userId" | "scopes">): IssuedToken {
    const isApp = app.kind === "github_app";
    const isExpiring = isApp && app.hasNonExpiringTokens !== true;
    const now = this.#clock.now();
    const token: UserToken = {
      token: `${isApp ? "ghu" : "gho"}_${randomHex(this.#random, 36)}`,
      app,
      userId,
      scopes: isApp ? [] : scopes,
      expiresAt: isExpiring ? now + EXPIRES_IN_SECONDS * 1_000 : Infinity,
      refreshToken: isExpiring ? `ghr_${randomHex(this.#random, 76)}` : undefined,
      refreshExpiresAt: now + REFRESH_EXPIRES_IN_SECONDS * 1_000,
    };
    this.#tokens.set(token.token, token);
    const sameGrant = this.listByUser(userId).filter((each) =>
      each.app.clientId === app.clientId && each.scopes.join() === token.scopes.join()
    );
    for (const each of sameGrant.slice(0, -MAX_TOKENS)) this.revoke(each.token);
    return toIssuedToken(token);
  }

  /** Issues a new token for a refresh token, and invalidates both the refresh token and its access token. */
  refresh(refreshToken: string, app: OAuthApp): IssuedToken | undefined {
    const found = [...this.#tokens.values()].find((each) => each.refreshToken === refreshToken);
    if (found?.app.clientId !== app.clientId) return undefined;
    this.revoke(found.token);
    return this.#clock.now() < found.refreshExpiresAt ? this.issue(app, found) : undefined;
  }

  /** Invalidates the token and its refresh token; returns whether it existed. */
  revoke(token: string): boolean {
    return this.#tokens.delete(token);
  }

  /** Revokes all tokens of a user for an app; returns their number. */
  revokeAll(userId: number, clientId: string): number {
    const all = this.listByUser(userId).filter(({ app }) => app.clientId === clientId);
    return all.filter(({ token }) => this.revoke(token)).length;
  }
}

function toIssuedToken({ token, scopes, refreshToken }: UserToken): IssuedToken {
  return {
    access_token: token,
    ...(refreshToken !== undefined && {
      expires_in: EXPIRES_IN_SECONDS,
      refresh_token: refreshToken,
      refresh_token_expires_in: REFRESH_EXPIRES_IN_SECONDS,
    }),
    scope: scopes.join(","),
    token_type: "bearer",
  };
}
