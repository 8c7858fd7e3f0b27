import { type Clock, DAY_MS } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { EventLog } from "./event_log.ts";

/** Events are stored this long, for clients that resume. */
const MAX_AGE_MS = 7 * DAY_MS;
const MAX_COUNT = 100_000;
const PRUNE_INTERVAL_MS = 60 * 60 * 1_000;

export interface RetentionOptions {
  readonly store: Pick<EventLog, "prune">;
  /** The plural noun for the stored items, for the log; default `events`. */
  readonly kind?: string;
  readonly clock: Clock;
  readonly maxAgeMs?: number;
  readonly maxCount?: number;
}

/** Deletes old and excess events, or other items with the same limits, once an hour. */
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
      if (count > 0) this.#logger.debug("Deleted {count} {kind}", { count, kind });
    } catch (error) {
      this.#logger.warning("Failed to delete old {kind}: {reason}", {
        kind,
        reason: toErrorMessage(error),
      });
    }
  }
}
