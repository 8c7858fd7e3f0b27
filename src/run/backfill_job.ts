import { type Clock, DAY_MS } from "../clock.ts";
import { messageOf, RefusedError, StorageError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import { Backfill, BusyError } from "./backfill.ts";
import type { BackfillJob, BackfillStore, PastSource } from "./backfill_progress.ts";

/** How often to look for what another instance was asked for. */
const LOOK_INTERVAL_MS = 60_000;
/** How long one that met with trouble lets the others go first. */
const TROUBLE_MS = 5 * 60_000;

export interface BackfillsOptions {
  readonly source: PastSource;
  readonly store: BackfillStore;
  /** Where is kept what is asked for, by any instance; `store` unless given. */
  readonly wishes?: Pick<BackfillStore, "start" | "stop">;
  readonly clock: Clock;
  /** Told of changes that are news. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  /** Told when GitHub refuses for a reason that holds for every request. */
  readonly onRefused: (error: RefusedError) => void;
}

/** Brings in the past of repositories in the background, one after the other; goes on after a restart. */
export class Backfills {
  readonly #options: BackfillsOptions;
  readonly #logger = log("backfill");
  /** Until when those that met with trouble are left, in ms since the epoch, by repository. */
  readonly #left = new Map<number, number>();
  #asked = new AbortController();

  constructor(options: BackfillsOptions) {
    this.#options = options;
  }

  /**
   * Asks for the runs of the last `days` days of a repository that is known. Resolves when that is kept.
   * @throws {StorageError}
   */
  async start(repositoryId: number, days: number): Promise<void> {
    const now = this.#options.clock.now();
    const since = now - days * DAY_MS;
    const { store, wishes = store } = this.#options;
    await wishes.start({ repositoryId, since, now, isBackground: true });
    this.#left.set(repositoryId, now);
    this.#asked.abort();
  }

  /**
   * Ends what is under way in a repository; what is in stays.
   * @throws {StorageError}
   */
  async stop(repositoryId: number): Promise<void> {
    const { store, wishes = store } = this.#options;
    await wishes.stop(repositoryId, "The repository is no longer followed");
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const asked = this.#asked = new AbortController();
      const job = await this.#next();
      if (job) await this.#bringIn(job, signal);
      else {
        const woken = AbortSignal.any([signal, asked.signal]);
        await this.#options.clock.sleep(LOOK_INTERVAL_MS, woken);
      }
    }
  }

  async #next(): Promise<BackfillJob | undefined> {
    const now = this.#options.clock.now();
    try {
      const jobs = await this.#options.store.running();
      return jobs.find(({ progress }) => (this.#left.get(progress.repositoryId) ?? 0) <= now);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#logger.warning("Cannot look for what is to be brought in: {reason}", {
        reason: error.message,
      });
      return undefined;
    }
  }

  async #bringIn(job: BackfillJob, signal: AbortSignal): Promise<void> {
    const { repository, progress: { repositoryId } } = job;
    this.#left.delete(repositoryId);
    try {
      const { state, runs, reason } = await new Backfill(job, this.#options).run(signal);
      const told = { repository, state, runs, reason: reason ?? "all that GitHub lists" };
      this.#logger.info("The past of {repository} is {state}: {runs} runs, {reason}", told);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTrouble(error)) throw error;
      const isUnauthorized = error instanceof RefusedError &&
        error.refusal.kind === "unauthorized";
      if (isUnauthorized) this.#options.onRefused(error);
      // Unless it was asked for again meanwhile, which is no trouble.
      const until = this.#options.clock.now() + TROUBLE_MS;
      this.#left.set(repositoryId, this.#left.get(repositoryId) ?? until);
      this.#logger.warning("The past of {repository} has to wait: {reason}", {
        repository,
        reason: messageOf(error),
      });
    }
  }
}

function isTrouble(error: unknown): error is Error {
  return error instanceof RefusedError || error instanceof StorageError ||
    error instanceof BusyError;
}
