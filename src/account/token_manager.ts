import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import { GitHubError, toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { TokenRejectedError } from "./oauth_provider.ts";
import type { OAuthProvider } from "./oauth_provider.ts";
import type { SessionStore } from "./session.ts";
import { SingleFlight } from "../single_flight.ts";
import type { StoredTokens, UserStore } from "./user.ts";

/** A token is refreshed so long before its end, so that none ends on its way. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** Another instance that refreshes a token has kept the new one within this time: so often, and so long each. */
const REFRESH_WAIT_TRIES = 6;
const REFRESH_WAIT_MS = 500;
/** GitHub is left alone for so long when it did not say for how long. */
const BACKOFF_MS = 30_000;
const MAX_BACKOFFS = 10_000;

export interface TokenManagerOptions {
  readonly users: Pick<UserStore, "tokens" | "replaceTokens" | "deleteTokens">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly provider: Pick<OAuthProvider, "refresh" | "revoke">;
  readonly clock: Clock;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** The one way to ask GitHub something as a user: with a token that is fresh, while it is taken. */
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
   * Asks GitHub with the user's token.
   * @throws {TokenRejectedError} when GitHub does not take it any more, or there is none; the user's sessions have ended
   * @throws {GitHubError} when GitHub cannot be asked now; it is not asked again before it said it may be, or for 30 s
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

  /** Forgets the user's token, and lets GitHub forget it if it can be reached. */
  async revoke(userId: number): Promise<void> {
    const { users, provider, signal } = this.#options;
    const stored = await users.tokens(userId);
    if (!stored || !await users.deleteTokens(userId, stored.version)) return;
    try {
      await provider.revoke(stored.accessToken, signal);
    } catch (error) {
      this.#logger.warning("Cannot let a token of user {user} go: {reason}", {
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
    const stored = await this.#options.users.tokens(userId) ?? await this.#signOut(userId);
    return this.#expiresWithin(stored, REFRESH_BEFORE_MS)
      ? await this.#refreshes.run(userId, () => this.#refresh(userId))
      : stored;
  }

  async #refresh(userId: number): Promise<StoredTokens> {
    const { users, provider, signal } = this.#options;
    // As they are now: another call may have ended just before this one began.
    const stored = await users.tokens(userId) ?? await this.#signOut(userId);
    if (stored.refreshToken === undefined || !this.#expiresWithin(stored, REFRESH_BEFORE_MS)) {
      return stored;
    }
    try {
      const tokens = await provider.refresh(stored.refreshToken, signal);
      const isReplaced = await users.replaceTokens(userId, stored.version, tokens);
      if (isReplaced) return { ...tokens, version: stored.version + 1 };
      return await users.tokens(userId) ?? await this.#signOut(userId);
    } catch (error) {
      if (error instanceof TokenRejectedError) {
        // Of two instances that refresh it the second one is refused.
        return await this.#waitForNewerTokens(stored, userId) ??
          await this.#signOut(userId, stored);
      }
      if (error instanceof GitHubError && !this.#expiresWithin(stored, 0)) return stored;
      throw error;
    }
  }

  /** What another instance has kept instead, or is about to, as it may be refreshing them: that takes GitHub a moment. */
  async #waitForNewerTokens(
    stored: StoredTokens,
    userId: number,
  ): Promise<StoredTokens | undefined> {
    const { users, clock, signal } = this.#options;
    const isRefreshPossible = stored.refreshToken !== undefined &&
      this.#expiresWithin(stored, 2 * REFRESH_BEFORE_MS);
    for (let tries = isRefreshPossible ? REFRESH_WAIT_TRIES : 1; tries > 0; tries--) {
      const current = await users.tokens(userId);
      if (current?.version !== stored.version) return current;
      if (tries > 1) await clock.sleep(REFRESH_WAIT_MS, signal);
    }
    return undefined;
  }

  /** Signs the user out. One who has signed in anew meanwhile stays. */
  async #signOut(userId: number, stored?: StoredTokens): Promise<never> {
    const { users, sessions } = this.#options;
    if (!stored || await users.deleteTokens(userId, stored.version)) {
      const count = await sessions.endAll(userId);
      this.#logger.info("Signed user {user} out, {count} sessions: GitHub takes no token", {
        user: userId,
        count,
      });
    }
    throw new TokenRejectedError("GitHub does not take the user's token any more: sign in again");
  }

  #expiresWithin({ expiresAt }: StoredTokens, ms: number): boolean {
    return expiresAt !== undefined && expiresAt - this.#options.clock.now() <= ms;
  }

  #backoffUntil({ failure: refusal }: GitHubError): number {
    const after = this.#options.clock.now() + BACKOFF_MS;
    return refusal.kind === "rate_limited" ? refusal.retryAt ?? after : after;
  }
}
