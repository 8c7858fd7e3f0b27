import { LRUCache } from "lru-cache";
import { type Clock, DAY_MS } from "../../clock.ts";
import { GitHubError, isGlobal } from "../../errors.ts";
import { log } from "../../log.ts";
import type { Job } from "../history.ts";
import { PeriodicTask } from "./periodic_task.ts";

/** Runs per round. */
const RUNS_PER_ROUND = 20;
/** The latest completed runs that one round considers. */
const MAX_CANDIDATES = 2_000;
/** Older runs are ignored. */
const RECENT_MS = DAY_MS;
/** The webhooks of a run's last jobs may arrive after that of the run. */
const WEBHOOK_GRACE_MS = 60_000;
/** Requested attempts to remember: more than one round considers. */
const MAX_REMEMBERED = 10_000;

/** The source of jobs: GitHub. */
export interface JobSource {
  /**
   * Lists all jobs of one attempt of a run.
   * @throws {GitHubError} if GitHub refuses; `not_accessible` if it does not know the attempt
   */
  listForAttempt(attempt: AttemptId, signal: AbortSignal): Promise<readonly Job[]>;
}

/** One attempt of a run. */
export interface AttemptId {
  /** The ID of the run. */
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly runAttempt: number;
}

/** Stores jobs. All methods throw StorageError. */
export interface JobStore {
  /** Stores each job in its latest state. Ignores jobs of unknown runs. */
  put(jobs: readonly Job[]): Promise<void>;
  /**
   * Lists completed runs whose last attempt has no stored job or an unfinished one, newest first. It considers the `among` latest
   * runs that were updated in [`from`, `before`), in ms since the epoch.
   */
  listMissing(
    range: { readonly from: number; readonly before: number; readonly among: number },
  ): Promise<readonly AttemptId[]>;
}

interface JobCollectorOptions {
  readonly clock: Clock;
  readonly source: JobSource;
  readonly store: JobStore;
  /** Whether anything depends on up-to-date jobs. */
  readonly isNeeded: () => boolean;
}

/** Fetches the jobs of completed runs that no webhook reported: once for each attempt, newest first. */
export class JobCollector {
  readonly #options: JobCollectorOptions;
  readonly #task: PeriodicTask;
  /** The attempts whose jobs were requested, by `toKey`. */
  readonly #requested = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  constructor(options: JobCollectorOptions) {
    this.#options = options;
    this.#task = new PeriodicTask((signal) => this.#collectSome(signal), {
      clock: options.clock,
      isNeeded: options.isNeeded,
      logger: log("jobs"),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#task.run(signal);
  }

  /** Fetches the jobs of up to RUNS_PER_ROUND runs, fewer if GitHub refuses. */
  runOnce(signal: AbortSignal): Promise<void> {
    return this.#task.runOnce(signal);
  }

  async #collectSome(signal: AbortSignal): Promise<void> {
    for (const attempt of await this.#next()) await this.#collect(attempt, signal);
  }

  async #next(): Promise<readonly AttemptId[]> {
    const { clock, store } = this.#options;
    const now = clock.now();
    const range = { from: now - RECENT_MS, before: now - WEBHOOK_GRACE_MS, among: MAX_CANDIDATES };
    const candidates = await store.listMissing(range);
    return candidates.filter((attempt) => !this.#requested.has(toKey(attempt))).slice(
      0,
      RUNS_PER_ROUND,
    );
  }

  async #collect(attempt: AttemptId, signal: AbortSignal): Promise<void> {
    const { source, store } = this.#options;
    try {
      await store.put(await source.listForAttempt(attempt, signal));
      this.#remember(attempt);
    } catch (error) {
      if (!(error instanceof GitHubError) || isGlobal(error.failure)) throw error;
      // A run whose jobs are unavailable must not delay the others.
      this.#remember(attempt);
      if (error.failure.kind !== "not_accessible") throw error;
    }
  }

  #remember(attempt: AttemptId): void {
    this.#requested.set(toKey(attempt), true);
  }
}

function toKey({ id, runAttempt }: AttemptId): string {
  return `${id}/${runAttempt}`;
}
