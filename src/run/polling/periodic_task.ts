import type { Clock } from "../../clock.ts";
import { GitHubError, GitHubPausedError, StorageError } from "../../errors.ts";
import type { log } from "../../log.ts";

const INTERVAL_MS = 60_000;

interface PeriodicTaskOptions {
  readonly clock: Clock;
  readonly logger: ReturnType<typeof log>;
  /** Skips a round for which it returns `false`. */
  readonly isNeeded: () => boolean;
}

/** Runs a task once a minute. If GitHub or the store fails, the rest of the work is left to the next run. */
export class PeriodicTask {
  readonly #task: (signal: AbortSignal) => Promise<void>;
  readonly #options: PeriodicTaskOptions;

  constructor(task: (signal: AbortSignal) => Promise<void>, options: PeriodicTaskOptions) {
    this.#task = task;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(INTERVAL_MS, signal);
      if (!signal.aborted) await this.runOnce(signal);
    }
  }

  async runOnce(signal: AbortSignal): Promise<void> {
    const { logger, isNeeded } = this.#options;
    if (!isNeeded()) return;
    try {
      await this.#task(signal);
    } catch (error) {
      if (signal.aborted || error instanceof GitHubPausedError) return;
      if (!(error instanceof GitHubError || error instanceof StorageError)) throw error;
      logger.info("Work is postponed by a minute: {reason}", { reason: error.message });
    }
  }
}
