import { type Clock, DAY_MS } from "../../clock.ts";
import { GitHubError, StorageError, toErrorMessage } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import { Backfill, ConcurrentBackfillError } from "./backfill.ts";
import type { BackfillJob, BackfillStore, HistoricalRunSource } from "./backfill_progress.ts";

/** How often to look for what another instance was asked for. */
const POLL_INTERVAL_MS = 60_000;
/** How long one that met with trouble lets the others go first. */
const RETRY_DELAY_MS = 5 * 60_000;

export interface BackfillSchedulerOptions {
  readonly source: HistoricalRunSource;
  readonly store: BackfillStore;
  /** Where is kept what is asked for, by any instance; `store` unless given. */
  readonly requests?: Pick<BackfillStore, "start" | "stop">;
  readonly clock: Clock;
  /** Told of changes that are news. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Brings in the past of repositories in the background, one after the other; goes on after a restart. */
export class BackfillScheduler {
  readonly #options: BackfillSchedulerOptions;
  readonly #logger = log("backfill");
  /** Until when those that met with trouble are left, in ms since the epoch, by repository. */
  readonly #retryAt = new Map<number, number>();
  #wakeUp = new AbortController();

  constructor(options: BackfillSchedulerOptions) {
    this.#options = options;
  }

  /**
   * Asks for the runs of the last `days` days of a repository that is known. Resolves when that is kept.
   * @throws {StorageError}
   */
  async start(repositoryId: number, days: number): Promise<void> {
    const now = this.#options.clock.now();
    const since = now - days * DAY_MS;
    const { store, requests = store } = this.#options;
    await requests.start({ repositoryId, since, now, isBackground: true });
    this.#retryAt.set(repositoryId, now);
    this.#wakeUp.abort();
  }

  /**
   * Ends what is under way in a repository; what is in stays.
   * @throws {StorageError}
   */
  async stop(repositoryId: number): Promise<void> {
    const { store, requests = store } = this.#options;
    await requests.stop(repositoryId, "The repository is no longer followed");
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wakeUp = this.#wakeUp = new AbortController();
      const job = await this.#next();
      if (job) await this.#runJob(job, signal);
      else {
        const woken = AbortSignal.any([signal, wakeUp.signal]);
        await this.#options.clock.sleep(POLL_INTERVAL_MS, woken);
      }
    }
  }

  async #next(): Promise<BackfillJob | undefined> {
    const now = this.#options.clock.now();
    try {
      const jobs = await this.#options.store.listRunning();
      return jobs.find(({ progress }) => (this.#retryAt.get(progress.repositoryId) ?? 0) <= now);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#logger.warning("Cannot look for what is to be brought in: {reason}", {
        reason: error.message,
      });
      return undefined;
    }
  }

  async #runJob(job: BackfillJob, signal: AbortSignal): Promise<void> {
    const { repository, progress: { repositoryId } } = job;
    this.#retryAt.delete(repositoryId);
    try {
      const { state, runs, reason } = await new Backfill(job, this.#options).run(signal);
      const details = { repository, state, runs, reason: reason ?? "all that GitHub lists" };
      this.#logger.info("The past of {repository} is {state}: {runs} runs, {reason}", details);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      // Unless it was asked for again meanwhile, which is no trouble.
      const retryAt = this.#options.clock.now() + RETRY_DELAY_MS;
      this.#retryAt.set(repositoryId, this.#retryAt.get(repositoryId) ?? retryAt);
      this.#logger.warning("The past of {repository} has to wait: {reason}", {
        repository,
        reason: toErrorMessage(error),
      });
    }
  }
}

function isTransient(error: unknown): error is Error {
  return error instanceof GitHubError || error instanceof StorageError ||
    error instanceof ConcurrentBackfillError;
}
