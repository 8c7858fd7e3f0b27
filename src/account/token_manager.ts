import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import { GitHubError, toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { SingleFlight } from "../single_flight.ts";
import { type OAuthProvider, TokenRejectedError } from "./oauth_provider.ts";
import type { SessionStore } from "./session.ts";
import type { StoredTokens, UserStore } from "./user.ts";

/** Tokens are refreshed this long before they expire, so that none expires during a request. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** How often the store is checked for tokens that another instance is refreshing. */
const REFRESH_WAIT_TRIES = 6;
/** Delay between these checks. */
const REFRESH_WAIT_MS = 500;
/** Backoff after an error if GitHub sent no reset time. */
const BACKOFF_MS = 30_000;
const MAX_BACKOFFS = 10_000;

interface TokenManagerOptions {
  readonly users: Pick<UserStore, "loadTokens" | "replaceTokens" | "deleteTokens">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly provider: Pick<OAuthProvider, "refresh" | "revoke">;
  readonly clock: Clock;
  /** Cancels running requests. */
  readonly signal: AbortSignal;
}

/** Sends requests to GitHub with users' tokens, and refreshes and revokes these tokens. */
export class TokenManager {
  readonly #options: TokenManagerOptions;
  readonly #refreshes = new SingleFlight<number, StoredTokens>();
  readonly #backoffs = new LRUCache<
    number,
    { readonly until: number; readonly error: GitHubError }
  >({ max: MAX_BACKOFFS });
  readonly #logger = log("account");

  constructor(options: TokenManagerOptions) {
    this.#options = options;
  }

  /**
   * Calls `request` with a fresh token of the user.
   * @throws {TokenRejectedError} when GitHub rejects the token, or none is stored; the user's sessions have ended
   * @throws {GitHubError} when GitHub is unavailable or limits the rate; no request is sent until the reset time, or for 30 s
   * @throws {StorageError}
   */
  async withToken<T>(
    userId: number,
    request: (accessToken: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const backoff = this.#backoffs.get(userId);
    if (backoff && this.#options.clock.now() < backoff.until) throw backoff.error;
    try {
      return await this.#requestWithToken(userId, request);
    } catch (error) {
      if (error instanceof GitHubError) {
        this.#backoffs.set(userId, { until: this.#backoffUntil(error), error });
      }
      throw error;
    }
  }

  /** Deletes the user's tokens, and revokes them at GitHub if it is available. */
  async revoke(userId: number): Promise<void> {
    const { users, provider, signal } = this.#options;
    const stored = await users.loadTokens(userId);
    if (!stored || !await users.deleteTokens(userId, stored.version)) return;
    try {
      await provider.revoke(stored.accessToken, signal);
    } catch (error) {
      this.#logger.warning("Failed to revoke a token of user {user}: {reason}", {
        user: userId,
        reason: toErrorMessage(error),
      });
    }
  }

  async #requestWithToken<T>(
    userId: number,
    request: (accessToken: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let stored = await this.#loadFreshTokens(userId);;) {
      try {
        return await request(stored.accessToken, this.#options.signal);
      } catch (error) {
        if (!(error instanceof TokenRejectedError)) throw error;
        stored = await this.#waitForNewerTokens(stored, userId) ??
          await this.#signOut(userId, stored);
      }
    }
  }

  async #loadFreshTokens(userId: number): Promise<StoredTokens> {
    const stored = await this.#options.users.loadTokens(userId) ?? await this.#signOut(userId);
    return this.#expiresWithin(stored, REFRESH_BEFORE_MS)
      ? await this.#refreshes.run(userId, () => this.#refresh(userId))
      : stored;
  }

  async #refresh(userId: number): Promise<StoredTokens> {
    const { users, provider, signal } = this.#options;
    // Read again: an earlier refresh may have ended just before this one started.
    const stored = await users.loadTokens(userId) ?? await this.#signOut(userId);
    if (stored.refreshToken === undefined || !this.#expiresWithin(stored, REFRESH_BEFORE_MS)) {
      return stored;
    }
    try {
      const tokens = await provider.refresh(stored.refreshToken, signal);
      const isReplaced = await users.replaceTokens(userId, stored.version, tokens);
      if (isReplaced) return { ...tokens, version: stored.version + 1 };
      return await users.loadTokens(userId) ?? await this.#signOut(userId);
    } catch (error) {
      if (error instanceof TokenRejectedError) {
        // Another instance may have used the refresh token.
        return await this.#waitForNewerTokens(stored, userId) ??
          await this.#signOut(userId, stored);
      }
      if (error instanceof GitHubError && !this.#expiresWithin(stored, 0)) return stored;
      throw error;
    }
  }

  /** Returns the tokens another instance has stored, after waiting for a refresh that may be in progress. */
  async #waitForNewerTokens(
    stored: StoredTokens,
    userId: number,
  ): Promise<StoredTokens | undefined> {
    const { users, clock, signal } = this.#options;
    const isRefreshPossible = stored.refreshToken !== undefined &&
      this.#expiresWithin(stored, 2 * REFRESH_BEFORE_MS);
    for (let tries = isRefreshPossible ? REFRESH_WAIT_TRIES : 1; tries > 0; tries--) {
      const current = await users.loadTokens(userId);
      if (current?.version !== stored.version) return current;
      if (tries > 1) await clock.sleep(REFRESH_WAIT_MS, signal);
    }
    return undefined;
  }

  /** Ends the user's sessions, unless the user has signed in again in the meantime. */
  async #signOut(userId: number, stored?: StoredTokens): Promise<never> {
    const { users, sessions } = this.#options;
    if (!stored || await users.deleteTokens(userId, stored.version)) {
      const count = await sessions.endAll(userId);
      this.#logger.info("Signed out user {user} ({count} sessions): GitHub rejected the token", {
        user: userId,
        count,
      });
    }
    throw new TokenRejectedError("GitHub rejected the user's token; sign in again");
  }

  #expiresWithin({ expiresAt }: StoredTokens, ms: number): boolean {
    return expiresAt !== undefined && expiresAt - this.#options.clock.now() <= ms;
  }

  #backoffUntil({ failure }: GitHubError): number {
    const after = this.#options.clock.now() + BACKOFF_MS;
    return failure.kind === "rate_limited" ? failure.retryAt ?? after : after;
  }
}
