import type { StoredEvent } from "../feed/event.ts";
import type { Run, RunSource, RunStore } from "./run.ts";

/** Latest runs that are asked for; when all of them are news, there may be more. */
const LATEST_RUNS = 20;
const MANY_RUNS = 100;

export interface LookOptions {
  readonly runs: RunSource;
  readonly store: Pick<RunStore, "put">;
  /** Told of what has changed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** Takes in the latest runs of a repository. */
export class Look {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /**
   * Returns the runs, and the events that tell what was new in them.
   * @throws {RefusedError} when GitHub refuses
   * @throws {StorageError}
   */
  async at(fullName: string, signal: AbortSignal) {
    const { runs } = this.#options;
    const latest = await runs.latest(fullName, LATEST_RUNS, signal);
    const events = await this.#keep(latest);
    const isAllNews = latest.length === LATEST_RUNS && events.length === LATEST_RUNS;
    if (isAllNews) await this.#keep(await runs.latest(fullName, MANY_RUNS, signal));
    return { latest, events };
  }

  async #keep(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    const events = await this.#options.store.put(runs);
    this.#options.onEvents(events);
    return events;
  }
}
