import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";
import type { TokenManager } from "./token_manager.ts";
import type { UserStore } from "./user.ts";

const INTERVAL_MS = 60 * 60_000;

export interface ExpiredSessionCleanupOptions {
  readonly sessions: Pick<SessionStore, "deleteExpired">;
  readonly tickets: Pick<TicketStore, "deleteExpired">;
  /** `undefined` where nobody signs in. */
  readonly login: {
    readonly users: Pick<UserStore, "listWithoutSession">;
    readonly tokens: Pick<TokenManager, "revoke">;
  } | undefined;
  readonly clock: Clock;
}

/** Forgets sessions and tickets that have expired, hour by hour, and with a user's last session the user's token. */
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
      if (count > 0) this.#logger.debug("Forgot {count} sessions and tickets", { count });
      await this.#revokeTokens();
    } catch (error) {
      this.#logger.warning("Cannot forget old sessions: {reason}", {
        reason: toErrorMessage(error),
      });
    }
  }

  /** Whoever has just signed in is about to have a session. */
  async #revokeTokens(): Promise<void> {
    const { login, clock } = this.#options;
    if (!login) return;
    const before = clock.now() - INTERVAL_MS;
    for (const id of await login.users.listWithoutSession(before)) await login.tokens.revoke(id);
  }
}
