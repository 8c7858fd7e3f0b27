import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import type { SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";
import type { TokenKeeper } from "./token_keeper.ts";
import type { UserStore } from "./user.ts";

const INTERVAL_MS = 60 * 60_000;

export interface AccountSweepOptions {
  readonly sessions: Pick<SessionStore, "sweep">;
  readonly tickets: Pick<TicketStore, "sweep">;
  /** `undefined` where nobody signs in. */
  readonly login: {
    readonly users: Pick<UserStore, "withoutSession">;
    readonly tokens: Pick<TokenKeeper, "letGo">;
  } | undefined;
  readonly clock: Clock;
}

/** Forgets sessions and tickets that have expired, hour by hour, and with a user's last session the user's token. */
export class AccountSweep {
  readonly #options: AccountSweepOptions;
  readonly #logger = log("account");

  constructor(options: AccountSweepOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#sweep();
      await this.#options.clock.sleep(INTERVAL_MS, signal);
    }
  }

  async #sweep(): Promise<void> {
    const { sessions, tickets } = this.#options;
    try {
      const count = await sessions.sweep() + await tickets.sweep();
      if (count > 0) this.#logger.debug("Forgot {count} sessions and tickets", { count });
      await this.#letGo();
    } catch (error) {
      this.#logger.warning("Cannot forget old sessions: {reason}", { reason: messageOf(error) });
    }
  }

  /** Whoever has just signed in is about to have a session. */
  async #letGo(): Promise<void> {
    const { login, clock } = this.#options;
    if (!login) return;
    const before = clock.now() - INTERVAL_MS;
    for (const id of await login.users.withoutSession(before)) await login.tokens.letGo(id);
  }
}
