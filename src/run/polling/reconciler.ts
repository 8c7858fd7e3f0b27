import type { Clock } from "../../clock.ts";
import { GitHubError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import type { RepositoryStore } from "../../repository/repository.ts";
import type { Run, RunSource, RunStore } from "../run.ts";
import { PeriodicTask } from "./periodic_task.ts";

/** Unfinished runs per round. */
const RUNS_PER_ROUND = 20;
/** Runs of the one repository that each round checks. */
const LATEST_RUNS = 10;
/** The most recently pushed repositories, which are checked in turn. */
const MAX_REPOSITORIES = 100;

interface ReconcilerOptions {
  readonly clock: Clock;
  /** Unfinished runs that have not been updated for this long are fetched, in ms. */
  readonly stuckAfterMs: number;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly repositories: RepositoryStore;
  /** Whether anything depends on up-to-date runs. */
  readonly isNeeded: () => boolean;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/**
 * Finds changes that webhooks and lists missed. Each round fetches stuck runs by ID, which is exact, and the latest runs of one
 * repository, because GitHub sends no webhook for a `startup_failure`.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #task: PeriodicTask;
  #repositoryIndex = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#task = new PeriodicTask((signal) => this.#reconcile(signal), {
      clock: options.clock,
      isNeeded: options.isNeeded,
      logger: log("reconciler"),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#task.run(signal);
  }

  /** Runs one round, which ends early if GitHub refuses. */
  runOnce(signal: AbortSignal): Promise<void> {
    return this.#task.runOnce(signal);
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    await this.#checkStuckRuns(signal);
    await this.#checkNextRepository(signal);
  }

  async #checkStuckRuns(signal: AbortSignal): Promise<void> {
    const { clock, store, runs, stuckAfterMs } = this.#options;
    const stuck = await store.listUnfinished(clock.now() - stuckAfterMs, RUNS_PER_ROUND);
    for (const { repository, id } of stuck) {
      const run = await this.#fetch(() => runs.byId(repository, id, signal));
      if (run === "refused") continue;
      if (run) await this.#save([run]);
      else await store.remove(id);
    }
  }

  async #checkNextRepository(signal: AbortSignal): Promise<void> {
    const { repositories, runs } = this.#options;
    const latestPushed = await repositories.listRecentlyPushed(MAX_REPOSITORIES);
    const repository = latestPushed[this.#repositoryIndex++ % Math.max(1, latestPushed.length)];
    if (!repository) return;
    const latest = await this.#fetch(() => runs.latest(repository.fullName, LATEST_RUNS, signal));
    if (latest !== "refused") await this.#save(latest);
  }

  /** Returns `refused` if the run or repository is not accessible. */
  async #fetch<T>(request: () => Promise<T>): Promise<T | "refused"> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof GitHubError && error.failure.kind === "not_accessible") return "refused";
      throw error;
    }
  }

  async #save(runs: readonly Run[]): Promise<void> {
    this.#options.onEvents(await this.#options.store.put(runs));
  }
}
