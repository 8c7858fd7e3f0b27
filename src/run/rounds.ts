import type { Clock } from "../clock.ts";
import { concernsAll, RefusedError, StorageError } from "../errors.ts";
import type { log } from "../log.ts";

const ROUND_INTERVAL_MS = 60_000;

export interface RoundsOptions {
  readonly clock: Clock;
  readonly logger: ReturnType<typeof log>;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/** Work for which no client waits, done once a minute: a round that GitHub or the store ends early is left to the next one. */
export class Rounds {
  readonly #work: (signal: AbortSignal) => Promise<void>;
  readonly #options: RoundsOptions;

  constructor(work: (signal: AbortSignal) => Promise<void>, options: RoundsOptions) {
    this.#work = work;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(ROUND_INTERVAL_MS, signal);
      if (!signal.aborted) await this.round(signal);
    }
  }

  async round(signal: AbortSignal): Promise<void> {
    const { logger, onRefused } = this.#options;
    try {
      await this.#work(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RefusedError || error instanceof StorageError)) throw error;
      if (error instanceof RefusedError && concernsAll(error.refusal)) onRefused(error);
      logger.info("Round ends early: {reason}", { reason: error.message });
    }
  }
}
