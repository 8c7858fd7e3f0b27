import type { StoredEvent } from "../../feed/event.ts";
import type { Run, RunSource, RunStore } from "../run.ts";

/** The runs of the first request. If all of them are new, there may be more. */
const LATEST_RUNS = 20;
const MORE_RUNS = 100;

interface LatestRunsFetcherOptions {
  readonly runs: RunSource;
  readonly store: Pick<RunStore, "put">;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Fetches and stores the latest runs of a repository. */
export class LatestRunsFetcher {
  readonly #options: LatestRunsFetcherOptions;

  constructor(options: LatestRunsFetcherOptions) {
    this.#options = options;
  }

  /**
   * Returns the runs, and an event for each changed run.
   * @throws {GitHubError} if GitHub refuses
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
