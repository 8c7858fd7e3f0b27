import { type Clock, DAY_MS } from "../../clock.ts";
import { GitHubError, StorageError, toErrorMessage } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import { Backfill, ConcurrentBackfillError } from "./backfill.ts";
import type { BackfillJob, BackfillStore, HistoricalRunSource } from "./backfill_progress.ts";

/** How often to check for the requests of other instances. */
const POLL_INTERVAL_MS = 60_000;
/** The wait of a failed backfill, during which others run. */
const RETRY_DELAY_MS = 5 * 60_000;

interface BackfillSchedulerOptions {
  readonly source: HistoricalRunSource;
  readonly store: BackfillStore;
  /** Stores requests, on any instance; `store` by default. */
  readonly requests?: Pick<BackfillStore, "start" | "stop">;
  readonly clock: Clock;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Runs backfills in the background, one after another, and continues them after a restart. */
export class BackfillScheduler {
  readonly #options: BackfillSchedulerOptions;
  readonly #logger = log("backfill");
  /** When to retry failed backfills, in ms since the epoch, by repository ID. */
  readonly #retryAt = new Map<number, number>();
  #wakeUp = new AbortController();

  constructor(options: BackfillSchedulerOptions) {
    this.#options = options;
  }

  /**
   * Requests the runs of the last `days` days of a stored repository. Resolves when the request is stored.
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
   * Ends the backfill of a repository. Its imported runs stay.
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
      this.#logger.warning("Cannot load backfills: {reason}", {
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
      const details = { repository, state, runs, reason: reason ?? "everything that GitHub lists" };
      this.#logger.info("Backfill of {repository} is {state}: {runs} runs, {reason}", details);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) throw error;
      // A new request in the meantime starts at once.
      const retryAt = this.#options.clock.now() + RETRY_DELAY_MS;
      this.#retryAt.set(repositoryId, this.#retryAt.get(repositoryId) ?? retryAt);
      this.#logger.warning("Backfill of {repository} postponed: {reason}", {
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
