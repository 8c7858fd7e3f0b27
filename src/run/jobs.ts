import { type Clock, DAY_MS } from "../clock.ts";
import { concernsAll, RefusedError } from "../errors.ts";
import { log } from "../log.ts";
import type { Job } from "./history.ts";
import { Rounds } from "./rounds.ts";

/** Runs whose jobs are asked for in one round. */
const RUNS_A_ROUND = 20;
/** Latest completed runs that a round looks at. */
const LOOKED_AT = 2_000;
/** A run that ended before that is too old to be asked about. */
const RECENT_MS = DAY_MS;
/** Webhooks of the last jobs may come after that of their run. */
const SETTLED_AFTER_MS = 60_000;
/** Attempts that are known to have been asked about: more than a round looks at. */
const ASKED = 10_000;

/** Where jobs come from: GitHub. */
export interface JobSource {
  /**
   * All jobs of one attempt of a run.
   * @throws {RefusedError} when GitHub refuses; `missing` when it knows no such attempt (any more)
   */
  ofAttempt(attempt: AttemptId, signal: AbortSignal): Promise<readonly Job[]>;
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
  without(
    span: { readonly from: number; readonly before: number; readonly among: number },
  ): Promise<readonly AttemptId[]>;
}

export interface JobCollectorOptions {
  readonly clock: Clock;
  readonly source: JobSource;
  readonly store: JobStore;
  /** Whether GitHub may be asked for what no client waits for. */
  readonly mayAsk: () => boolean;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/**
 * Asks for the jobs of runs that webhooks did not tell of: of each run that has completed once, the latest first.
 */
export class JobCollector {
  readonly #options: JobCollectorOptions;
  readonly #rounds: Rounds;
  /** Those asked about last are last. */
  readonly #asked = new Set<string>();

  constructor(options: JobCollectorOptions) {
    this.#options = options;
    this.#rounds = new Rounds((signal) => this.#collectSome(signal), {
      ...options,
      logger: log("jobs"),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#rounds.run(signal);
  }

  /** Asks for the jobs of some runs; ends early when GitHub may not be asked any more. */
  round(signal: AbortSignal): Promise<void> {
    return this.#rounds.round(signal);
  }

  async #collectSome(signal: AbortSignal): Promise<void> {
    for (const attempt of await this.#next()) {
      if (!this.#options.mayAsk()) return;
      await this.#collect(attempt, signal);
    }
  }

  async #next(): Promise<readonly AttemptId[]> {
    const { clock, store, mayAsk } = this.#options;
    if (!mayAsk()) return [];
    const now = clock.now();
    const span = { from: now - RECENT_MS, before: now - SETTLED_AFTER_MS, among: LOOKED_AT };
    const lacking = await store.without(span);
    return lacking.filter((attempt) => !this.#asked.has(keyOf(attempt))).slice(0, RUNS_A_ROUND);
  }

  async #collect(attempt: AttemptId, signal: AbortSignal): Promise<void> {
    const { source, store } = this.#options;
    try {
      await store.put(await source.ofAttempt(attempt, signal));
      this.#remember(attempt);
    } catch (error) {
      if (!(error instanceof RefusedError) || concernsAll(error.refusal)) throw error;
      // Not again: what GitHub cannot tell of this one would keep it from telling of the others.
      this.#remember(attempt);
      if (error.refusal.kind !== "missing") throw error;
    }
  }

  #remember(attempt: AttemptId): void {
    this.#asked.add(keyOf(attempt));
    const [oldest] = this.#asked;
    if (this.#asked.size > ASKED && oldest !== undefined) this.#asked.delete(oldest);
  }
}

function keyOf({ id, runAttempt }: AttemptId): string {
  return `${id}/${runAttempt}`;
}
