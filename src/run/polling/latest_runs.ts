import type { StoredEvent } from "../../feed/event.ts";
import type { Run, RunSource, RunStore } from "../run.ts";

/** Latest runs that are asked for; when all of them are news, there may be more. */
const LATEST_RUNS = 20;
const MORE_RUNS = 100;

export interface LatestRunsFetcherOptions {
  readonly runs: RunSource;
  readonly store: Pick<RunStore, "put">;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Takes in the latest runs of a repository. */
export class LatestRunsFetcher {
  readonly #options: LatestRunsFetcherOptions;

  constructor(options: LatestRunsFetcherOptions) {
    this.#options = options;
  }

  /**
   * Returns the runs, and the events that tell what was new in them.
   * @throws {RefusedError} when GitHub refuses
   * @throws {StorageError}
   */
  async fetch(fullName: string, signal: AbortSignal) {
    const { runs } = this.#options;
    const latest = await runs.latest(fullName, LATEST_RUNS, signal);
    const events = await this.#save(latest);
    const areAllNew = latest.length === LATEST_RUNS && events.length === LATEST_RUNS;
    if (areAllNew) await this.#save(await runs.latest(fullName, MORE_RUNS, signal));
    return { latest, events };
  }

  async #save(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    const events = await this.#options.store.put(runs);
    this.#options.onEvents(events);
    return events;
  }
}
