import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import { log } from "../log.ts";

/** How often is looked for runs that are to be counted again. */
const LOOK_MS = 30_000;
/** Between two groups of runs, so that whoever else writes gets a turn. */
const PAUSE_MS = 10;

/**
 * Which runs are to be counted again: those that an older version kept, and those of a repository whose default branch or name
 * has changed. All throw StorageError.
 */
export interface Recounts {
  /** How many repositories have such runs. */
  repositories(): Promise<number>;
  /** Counts a few of them. Returns how many; `undefined` when none is left. */
  next(): Promise<number | undefined>;
}

/** Counts runs again for the statistics, a few at a time. Where it is interrupted, it goes on after the next start. */
export class Recounter {
  readonly #recounts: Recounts;
  readonly #clock: Clock;
  readonly #logger = log("statistics");

  constructor(recounts: Recounts, clock: Clock) {
    this.#recounts = recounts;
    this.#clock = clock;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.round(signal);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#logger.info("Counting runs goes on later: {reason}", { reason: error.message });
      }
      await this.#clock.sleep(LOOK_MS, signal);
    }
  }

  /** Counts until nothing is left. */
  async round(signal: AbortSignal): Promise<void> {
    const repositories = await this.#recounts.repositories();
    if (repositories === 0) return;
    this.#logger.info("Counting the runs of {repositories} repositories for the statistics", {
      repositories,
    });
    let runs = 0;
    while (!signal.aborted) {
      const count = await this.#recounts.next();
      if (count === undefined) break;
      runs += count;
      await this.#clock.sleep(PAUSE_MS, signal);
    }
    this.#logger.info("Counted {runs} runs for the statistics", { runs });
  }
}
