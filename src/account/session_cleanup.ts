import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";
import type { TokenManager } from "./token_manager.ts";
import type { UserStore } from "./user.ts";

const INTERVAL_MS = 60 * 60_000;

interface ExpiredSessionCleanupOptions {
  readonly sessions: Pick<SessionStore, "deleteExpired">;
  readonly tickets: Pick<TicketStore, "deleteExpired">;
  /** `undefined` if no login is configured. */
  readonly login: {
    readonly users: Pick<UserStore, "listWithoutSession">;
    readonly tokens: Pick<TokenManager, "revoke">;
  } | undefined;
  readonly clock: Clock;
}

/** Deletes expired sessions and tickets once an hour, and revokes the tokens of users without a session. */
export class ExpiredSessionCleanup {
  readonly #options: ExpiredSessionCleanupOptions;
  readonly #logger = log("account");

  constructor(options: ExpiredSessionCleanupOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deleteExpired();
      await this.#options.clock.sleep(INTERVAL_MS, signal);
    }
  }

  async #deleteExpired(): Promise<void> {
    const { sessions, tickets } = this.#options;
    try {
      const count = await sessions.deleteExpired() + await tickets.deleteExpired();
      if (count > 0) this.#logger.debug("Deleted {count} expired sessions and tickets", { count });
      await this.#revokeTokens();
    } catch (error) {
      this.#logger.warning("Failed to delete expired sessions: {reason}", {
        reason: toErrorMessage(error),
      });
    }
  }

  /** Skips users who have just signed in: their session is about to be created. */
  async #revokeTokens(): Promise<void> {
    const { login, clock } = this.#options;
    if (!login) return;
    const before = clock.now() - INTERVAL_MS;
    for (const id of await login.users.listWithoutSession(before)) await login.tokens.revoke(id);
  }
}
