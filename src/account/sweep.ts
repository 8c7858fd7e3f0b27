import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import type { SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";

const INTERVAL_MS = 60 * 60_000;

export interface AccountSweepOptions {
  readonly sessions: Pick<SessionStore, "sweep">;
  readonly tickets: Pick<TicketStore, "sweep">;
  readonly clock: Clock;
}

/** Forgets sessions and tickets that have expired, hour by hour. */
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
    } catch (error) {
      this.#logger.warning("Cannot forget old sessions: {reason}", { reason: messageOf(error) });
    }
  }
}
