import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { EventLog } from "./event_log.ts";

/** How long events are kept for clients that come back. */
const MAX_AGE_MS = 7 * 24 * 60 * 60 * 1_000;
/** How many are kept at the most. */
const MAX_COUNT = 100_000;
const PRUNE_INTERVAL_MS = 60 * 60 * 1_000;

export interface RetentionOptions {
  readonly store: Pick<EventLog, "prune">;
  /** What is in it, for the log. */
  readonly kind?: string;
  readonly clock: Clock;
  readonly maxAgeMs?: number;
  readonly maxCount?: number;
}

/** Forgets events, or what else is kept like them, that are too old or too many, hour by hour. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #logger = log("feed");

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#prune();
      await this.#options.clock.sleep(PRUNE_INTERVAL_MS, signal);
    }
  }

  async #prune(): Promise<void> {
    const { store, kind = "events", clock } = this.#options;
    const { maxAgeMs = MAX_AGE_MS, maxCount = MAX_COUNT } = this.#options;
    try {
      const count = await store.prune({ before: clock.now() - maxAgeMs, count: maxCount });
      if (count > 0) this.#logger.debug("Forgot {count} {kind}", { count, kind });
    } catch (error) {
      this.#logger.warning("Cannot forget old {kind}: {reason}", {
        kind,
        reason: toErrorMessage(error),
      });
    }
  }
}
