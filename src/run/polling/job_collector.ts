import { LRUCache } from "lru-cache";
import { type Clock, DAY_MS } from "../../clock.ts";
import { GitHubError, isGlobal } from "../../errors.ts";
import { log } from "../../log.ts";
import type { Job } from "../history.ts";
import { PeriodicTask } from "./periodic_task.ts";

/** Runs whose jobs are asked for in one round. */
const RUNS_PER_CYCLE = 20;
/** Latest completed runs that a round looks at. */
const MAX_CANDIDATES = 2_000;
/** A run that ended before that is too old to be asked about. */
const RECENT_MS = DAY_MS;
/** Webhooks of the last jobs may come after that of their run. */
const WEBHOOK_GRACE_MS = 60_000;
/** Attempts that are known to have been asked about: more than a round looks at. */
const MAX_REMEMBERED = 10_000;

/** Where jobs come from: GitHub. */
export interface JobSource {
  /**
   * All jobs of one attempt of a run.
   * @throws {GitHubError} when GitHub refuses; `missing` when it knows no such attempt (any more)
   */
  listForAttempt(attempt: AttemptId, signal: AbortSignal): Promise<readonly Job[]>;
}

/** Which attempt of which run. */
export interface AttemptId {
  /** The run. */
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly runAttempt: number;
}

/** Where jobs are kept. All throw StorageError. */
export interface JobStore {
  /** Keeps jobs, each in its latest state. One of a run that is not kept is dropped. */
  put(jobs: readonly Job[]): Promise<void>;
  /**
   * Completed runs with no job known of their last attempt, or with one that has not ended, the latest first: of the `among`
   * latest that were updated from `from` to before `before` (ms since the epoch).
   */
  listMissing(
    range: { readonly from: number; readonly before: number; readonly among: number },
  ): Promise<readonly AttemptId[]>;
}

export interface JobCollectorOptions {
  readonly clock: Clock;
  readonly source: JobSource;
  readonly store: JobStore;
  /** Whether GitHub may be asked for what no client waits for. */
  readonly canRequest: () => boolean;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onGitHubError: (error: GitHubError) => void;
}

/**
 * Asks for the jobs of runs that webhooks did not tell of: of each run that has completed once, the latest first.
 */
export class JobCollector {
  readonly #options: JobCollectorOptions;
  readonly #task: PeriodicTask;
  /** The attempts whose jobs were requested, by `toKey`. */
  readonly #requested = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  constructor(options: JobCollectorOptions) {
    this.#options = options;
    this.#task = new PeriodicTask((signal) => this.#collectSome(signal), {
      ...options,
      logger: log("jobs"),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#task.run(signal);
  }

  /** Asks for the jobs of some runs; ends early when GitHub may not be asked any more. */
  runOnce(signal: AbortSignal): Promise<void> {
    return this.#task.runOnce(signal);
  }

  async #collectSome(signal: AbortSignal): Promise<void> {
    for (const attempt of await this.#next()) {
      if (!this.#options.canRequest()) return;
      await this.#collect(attempt, signal);
    }
  }

  async #next(): Promise<readonly AttemptId[]> {
    const { clock, store, canRequest } = this.#options;
    if (!canRequest()) return [];
    const now = clock.now();
    const range = { from: now - RECENT_MS, before: now - WEBHOOK_GRACE_MS, among: MAX_CANDIDATES };
    const candidates = await store.listMissing(range);
    return candidates.filter((attempt) => !this.#requested.has(toKey(attempt))).slice(
      0,
      RUNS_PER_CYCLE,
    );
  }

  async #collect(attempt: AttemptId, signal: AbortSignal): Promise<void> {
    const { source, store } = this.#options;
    try {
      await store.put(await source.listForAttempt(attempt, signal));
      this.#remember(attempt);
    } catch (error) {
      if (!(error instanceof GitHubError) || isGlobal(error.failure)) throw error;
      // Not again: what GitHub cannot tell of this one would keep it from telling of the others.
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
