import type { Clock } from "../../clock.ts";
import { GitHubError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import type { RepositoryStore } from "../../repository/repository.ts";
import { PeriodicTask } from "./periodic_task.ts";
import type { Run, RunSource, RunStore } from "../run.ts";

/** Runs that are looked up in one round. */
const RUNS_PER_CYCLE = 20;
/** Latest runs of the one repository that each round looks at. */
const LATEST_RUNS = 10;
/** The most recently pushed repositories take their turns in being looked at. */
const MAX_REPOSITORIES = 100;

export interface ReconcilerOptions {
  readonly clock: Clock;
  /** A run that is not completed is looked up when it has not moved for so long, in ms. */
  readonly stuckAfterMs: number;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly repositories: RepositoryStore;
  /** Whether anything depends on up-to-date runs. */
  readonly isNeeded: () => boolean;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/**
 * Heals what webhooks and lists have missed: runs that should have ended by now are looked up by id, which is exact; and
 * round by round one repository's latest runs are looked at, for a `startup_failure` never sends a webhook.
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

  /** Looks up what is stuck, and one repository; ends early when GitHub may not be asked any more. */
  runOnce(signal: AbortSignal): Promise<void> {
    return this.#task.runOnce(signal);
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    await this.#checkStuckRuns(signal);
    await this.#checkNextRepository(signal);
  }

  async #checkStuckRuns(signal: AbortSignal): Promise<void> {
    const { clock, store, runs, stuckAfterMs } = this.#options;
    const stuck = await store.listUnfinished(clock.now() - stuckAfterMs, RUNS_PER_CYCLE);
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

  /** `refused` when this one thing cannot be had. */
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
