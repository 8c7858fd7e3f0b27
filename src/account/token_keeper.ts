import type { Clock } from "../clock.ts";
import { messageOf, RefusedError } from "../errors.ts";
import { log } from "../log.ts";
import { LatelyUsed } from "./lately_used.ts";
import { LoginRefusedError } from "./login.ts";
import type { LoginProvider } from "./login.ts";
import type { SessionStore } from "./session.ts";
import { SharedCalls } from "./shared_calls.ts";
import type { KeptTokens, UserStore } from "./user.ts";

/** A token is refreshed so long before its end, so that none ends on its way. */
const REFRESH_BEFORE_MS = 5 * 60_000;
/** Another instance that refreshes a token has kept the new one within this time: so often, and so long each. */
const NEWER_TRIES = 6;
const NEWER_WAIT_MS = 500;
/** GitHub is left alone for so long when it did not say for how long. */
const REST_MS = 30_000;
const MAX_RESTS = 10_000;

export interface TokenKeeperOptions {
  readonly users: Pick<UserStore, "tokens" | "replaceTokens" | "dropTokens">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly provider: Pick<LoginProvider, "refresh" | "revoke">;
  readonly clock: Clock;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** The one way to ask GitHub something as a user: with a token that is fresh, while it is taken. */
export class TokenKeeper {
  readonly #options: TokenKeeperOptions;
  readonly #refreshes = new SharedCalls<number, KeptTokens>();
  readonly #rests = new LatelyUsed<number, { readonly until: number; readonly why: RefusedError }>(
    MAX_RESTS,
  );
  readonly #logger = log("account");

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
  }

  /**
   * Asks GitHub with the user's token.
   * @throws {LoginRefusedError} when GitHub does not take it any more, or there is none; the user's sessions have ended
   * @throws {RefusedError} when GitHub cannot be asked now; it is not asked again before it said it may be, or for 30 s
   * @throws {StorageError}
   */
  async use<T>(
    userId: number,
    ask: (accessToken: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const rest = this.#rests.get(userId);
    if (rest && this.#options.clock.now() < rest.until) throw rest.why;
    try {
      return await this.#use(userId, ask);
    } catch (error) {
      if (error instanceof RefusedError) {
        this.#rests.set(userId, { until: this.#restUntil(error), why: error });
      }
      throw error;
    }
  }

  /** Forgets the user's token, and lets GitHub forget it if it can be reached. */
  async letGo(userId: number): Promise<void> {
    const { users, provider, signal } = this.#options;
    const kept = await users.tokens(userId);
    if (!kept || !await users.dropTokens(userId, kept.version)) return;
    try {
      await provider.revoke(kept.accessToken, signal);
    } catch (error) {
      this.#logger.warning("Cannot let a token of user {user} go: {reason}", {
        user: userId,
        reason: messageOf(error),
      });
    }
  }

  async #use<T>(
    userId: number,
    ask: (accessToken: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let kept = await this.#fresh(userId);;) {
      try {
        return await ask(kept.accessToken, this.#options.signal);
      } catch (error) {
        if (!(error instanceof LoginRefusedError)) throw error;
        kept = await this.#newerThan(kept, userId) ?? await this.#giveUp(userId, kept);
      }
    }
  }

  async #fresh(userId: number): Promise<KeptTokens> {
    const kept = await this.#options.users.tokens(userId) ?? await this.#giveUp(userId);
    return this.#ends(kept, REFRESH_BEFORE_MS)
      ? await this.#refreshes.run(userId, () => this.#refresh(userId))
      : kept;
  }

  async #refresh(userId: number): Promise<KeptTokens> {
    const { users, provider, signal } = this.#options;
    // As they are now: another call may have ended just before this one began.
    const kept = await users.tokens(userId) ?? await this.#giveUp(userId);
    if (kept.refreshToken === undefined || !this.#ends(kept, REFRESH_BEFORE_MS)) return kept;
    try {
      const tokens = await provider.refresh(kept.refreshToken, signal);
      const isKept = await users.replaceTokens(userId, kept.version, tokens);
      if (isKept) return { ...tokens, version: kept.version + 1 };
      return await users.tokens(userId) ?? await this.#giveUp(userId);
    } catch (error) {
      if (error instanceof LoginRefusedError) {
        // Of two instances that refresh it the second one is refused.
        return await this.#newerThan(kept, userId) ?? await this.#giveUp(userId, kept);
      }
      if (error instanceof RefusedError && !this.#ends(kept, 0)) return kept;
      throw error;
    }
  }

  /** What another instance has kept instead, or is about to, as it may be refreshing them: that takes GitHub a moment. */
  async #newerThan(kept: KeptTokens, userId: number): Promise<KeptTokens | undefined> {
    const { users, clock, signal } = this.#options;
    const isPatient = kept.refreshToken !== undefined && this.#ends(kept, 2 * REFRESH_BEFORE_MS);
    for (let tries = isPatient ? NEWER_TRIES : 1; tries > 0; tries--) {
      const now = await users.tokens(userId);
      if (now?.version !== kept.version) return now;
      if (tries > 1) await clock.sleep(NEWER_WAIT_MS, signal);
    }
    return undefined;
  }

  /** Signs the user out. One who has signed in anew meanwhile stays. */
  async #giveUp(userId: number, kept?: KeptTokens): Promise<never> {
    const { users, sessions } = this.#options;
    if (!kept || await users.dropTokens(userId, kept.version)) {
      const count = await sessions.endAll(userId);
      this.#logger.info("Signed user {user} out, {count} sessions: GitHub takes no token", {
        user: userId,
        count,
      });
    }
    throw new LoginRefusedError("GitHub does not take the user's token any more: sign in again");
  }

  #ends({ expiresAt }: KeptTokens, within: number): boolean {
    return expiresAt !== undefined && expiresAt - this.#options.clock.now() <= within;
  }

  #restUntil({ refusal }: RefusedError): number {
    const after = this.#options.clock.now() + REST_MS;
    return refusal.kind === "limited" ? refusal.retryAt ?? after : after;
  }
}
