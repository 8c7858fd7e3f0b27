import type { Clock } from "../clock.ts";
import type { OAuthApp } from "./oauth_app.ts";
import { randomHex } from "./random.ts";

/** A token that a user's consent gave to an app. Times in ms since the epoch. */
export interface UserToken {
  readonly token: string;
  readonly app: OAuthApp;
  readonly userId: number;
  /** None for a GitHub App's, whose rights are its permissions. */
  readonly scopes: readonly string[];
  /** Those of a GitHub App may expire, and be refreshed once. */
  readonly expiresAt: number;
  readonly refreshToken: string | undefined;
  readonly refreshExpiresAt: number;
}

/** What the token endpoint answers. */
export interface IssuedToken {
  readonly access_token: string;
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly refresh_token_expires_in?: number;
  /** With commas between. */
  readonly scope: string;
  readonly token_type: "bearer";
}

/** Eight hours, and six months: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens */
const EXPIRES_IN_SECONDS = 28_800;
const REFRESH_EXPIRES_IN_SECONDS = 15_897_600;

/** Of a user, an app and a scope; the oldest goes: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/rate-limits-for-oauth-apps */
const MAX_TOKENS = 10;

/** The tokens of users that are good, and who may be asked for by them. */
export class OAuthTokens {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** By token, the oldest first. */
  readonly #tokens = new Map<string, UserToken>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Those of a user, the oldest first, expired ones included. */
  listByUser(userId: number): readonly UserToken[] {
    return [...this.#tokens.values()].filter((token) => token.userId === userId);
  }

  /** A token that is accepted now. */
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

  /** Another token for a refresh token; neither that nor the token that came with it works from now on. */
  refresh(refreshToken: string, app: OAuthApp): IssuedToken | undefined {
    const found = [...this.#tokens.values()].find((each) => each.refreshToken === refreshToken);
    if (found?.app.clientId !== app.clientId) return undefined;
    this.revoke(found.token);
    return this.#clock.now() < found.refreshExpiresAt ? this.issue(app, found) : undefined;
  }

  /** From now on the token is not accepted, nor the one to refresh it; returns whether there was one. */
  revoke(token: string): boolean {
    return this.#tokens.delete(token);
  }

  /** Revokes all that a user has given to an app; returns how many there were. */
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
