import type { Clock } from "../clock.ts";
import { RefusedError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import type { RepositoryStore } from "../repository/repository.ts";
import { Rounds } from "./rounds.ts";
import type { Run, RunSource, RunStore } from "./run.ts";

/** Runs that are looked up in one round. */
const RUNS_A_ROUND = 20;
/** Latest runs of the one repository that each round looks at. */
const LATEST_RUNS = 10;
/** The most recently pushed repositories take their turns in being looked at. */
const REPOSITORIES = 100;

export interface ReconcilerOptions {
  readonly clock: Clock;
  /** A run that is not completed is looked up when it has not moved for so long, in ms. */
  readonly stuckAfter: number;
  readonly runs: RunSource;
  readonly store: RunStore;
  readonly repositories: RepositoryStore;
  /** Whether GitHub may be asked for what no client waits for. */
  readonly mayAsk: () => boolean;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/**
 * Heals what webhooks and lists have missed: runs that should have ended by now are looked up by id, which is exact; and
 * round by round one repository's latest runs are looked at, for a `startup_failure` never sends a webhook.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #rounds: Rounds;
  #turn = 0;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#rounds = new Rounds((signal) => this.#heal(signal), {
      ...options,
      logger: log("reconciler"),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#rounds.run(signal);
  }

  /** Looks up what is stuck, and one repository; ends early when GitHub may not be asked any more. */
  round(signal: AbortSignal): Promise<void> {
    return this.#rounds.round(signal);
  }

  async #heal(signal: AbortSignal): Promise<void> {
    await this.#lookUpStuck(signal);
    await this.#lookAtOne(signal);
  }

  async #lookUpStuck(signal: AbortSignal): Promise<void> {
    const { clock, store, runs, stuckAfter, mayAsk } = this.#options;
    const stuck = await store.unfinished(clock.now() - stuckAfter, RUNS_A_ROUND);
    for (const { repository, id } of stuck) {
      if (!mayAsk()) return;
      const run = await this.#lookUp(() => runs.byId(repository, id, signal));
      if (run === "refused") continue;
      if (run) await this.#keep([run]);
      else await store.remove(id);
    }
  }

  async #lookAtOne(signal: AbortSignal): Promise<void> {
    const { repositories, runs, mayAsk } = this.#options;
    const known = await repositories.latestPushed(REPOSITORIES);
    const repository = known[this.#turn++ % Math.max(1, known.length)];
    if (!repository || !mayAsk()) return;
    const latest = await this.#lookUp(() => runs.latest(repository.fullName, LATEST_RUNS, signal));
    if (latest !== "refused") await this.#keep(latest);
  }

  /** `refused` when this one thing cannot be had. */
  async #lookUp<T>(ask: () => Promise<T>): Promise<T | "refused"> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RefusedError && error.refusal.kind === "missing") return "refused";
      throw error;
    }
  }

  async #keep(runs: readonly Run[]): Promise<void> {
    this.#options.onEvents(await this.#options.store.put(runs));
  }
}
