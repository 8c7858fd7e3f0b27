import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import { log } from "../log.ts";

/** How often is looked for runs that are to be counted again. */
const POLL_INTERVAL_MS = 30_000;
/** Between two groups of runs, so that whoever else writes gets a turn. */
const PAUSE_MS = 10;

/**
 * Which runs are to be counted again: those that an older version kept, and those of a repository whose default branch or name
 * has changed. All throw StorageError.
 */
export interface RecomputeQueue {
  /** How many repositories have such runs. */
  countRepositories(): Promise<number>;
  /** Counts a few of them. Returns how many; `undefined` when none is left. */
  recomputeNext(): Promise<number | undefined>;
}

/** Counts runs again for the statistics, a few at a time. Where it is interrupted, it goes on after the next start. */
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
        this.#logger.info("Counting runs goes on later: {reason}", { reason: error.message });
      }
      await this.#clock.sleep(POLL_INTERVAL_MS, signal);
    }
  }

  /** Counts until nothing is left. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const repositories = await this.#queue.countRepositories();
    if (repositories === 0) return;
    this.#logger.info("Counting the runs of {repositories} repositories for the statistics", {
      repositories,
    });
    let runs = 0;
    while (!signal.aborted) {
      const count = await this.#queue.recomputeNext();
      if (count === undefined) break;
      runs += count;
      await this.#clock.sleep(PAUSE_MS, signal);
    }
    this.#logger.info("Counted {runs} runs for the statistics", { runs });
  }
}
