import type { Clock } from "../../clock.ts";
import { GitHubError, isGlobal, StorageError } from "../../errors.ts";
import type { log } from "../../log.ts";

const INTERVAL_MS = 60_000;

export interface PeriodicTaskOptions {
  readonly clock: Clock;
  readonly logger: ReturnType<typeof log>;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onGitHubError: (error: GitHubError) => void;
}

/** Work for which no client waits, done once a minute: a round that GitHub or the store ends early is left to the next one. */
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
    const { logger, onGitHubError } = this.#options;
    try {
      await this.#task(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof GitHubError || error instanceof StorageError)) throw error;
      if (error instanceof GitHubError && isGlobal(error.failure)) onGitHubError(error);
      logger.info("Round ends early: {reason}", { reason: error.message });
    }
  }
}
