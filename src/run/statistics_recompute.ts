import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import { log } from "../log.ts";

/** The interval at which the queue is polled. */
const POLL_INTERVAL_MS = 30_000;
/** The pause between batches, during which other transactions can write. */
const PAUSE_MS = 10;

/**
 * Runs whose statistics must be recomputed: runs stored by an older version, and runs of a repository whose default branch or
 * name has changed. All methods throw StorageError.
 */
export interface RecomputeQueue {
  /** Returns the number of repositories with such runs. */
  countRepositories(): Promise<number>;
  /** Recomputes a batch of runs. Returns their number; `undefined` if the queue is empty. */
  recomputeNext(): Promise<number | undefined>;
}

/** Recomputes statistics in small batches; resumes after a restart. */
export class StatisticsRecomputer {
  readonly #queue: RecomputeQueue;
  readonly #clock: Clock;
  readonly #logger = log("statistics");

  constructor(queue: RecomputeQueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.runOnce(signal);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#logger.info("Statistics recomputation postponed: {reason}", {
          reason: error.message,
        });
      }
      await this.#clock.sleep(POLL_INTERVAL_MS, signal);
    }
  }

  /** Recomputes until the queue is empty. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const repositories = await this.#queue.countRepositories();
    if (repositories === 0) return;
    this.#logger.info("Recomputing statistics of {repositories} repositories", {
      repositories,
    });
    let runs = 0;
    while (!signal.aborted) {
      const count = await this.#queue.recomputeNext();
      if (count === undefined) break;
      runs += count;
      await this.#clock.sleep(PAUSE_MS, signal);
    }
    this.#logger.info("Recomputed statistics of {runs} runs", { runs });
  }
}
