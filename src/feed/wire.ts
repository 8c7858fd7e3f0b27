import type { NumberedEvent } from "./event.ts";

/** What an instance tells of the journal: what it has kept, or only up to which number. */
export interface News {
  /** The highest number that is known to be kept. */
  readonly last: number;
  /** Some of the events up to that number; none where they would be too large. */
  readonly events: readonly NumberedEvent[];
}

/** Tells the feeds of other instances of what one has kept. It may lose news: each feed looks at the journal, too. */
export interface Wire {
  /** Tells of events that are committed. Neither waits nor fails. */
  publish(events: readonly NumberedEvent[]): void;
  /** Hands over what is published, perhaps one's own, too, until `signal` aborts. */
  listen(hear: (news: News) => void, signal: AbortSignal): Promise<void>;
}

/** Between feeds of one process. */
export class ProcessWire implements Wire {
  readonly #listeners = new Set<(news: News) => void>();

  publish(events: readonly NumberedEvent[]): void {
    const last = highestOf(events);
    for (const hear of this.#listeners) hear({ last, events });
  }

  async listen(hear: (news: News) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    this.#listeners.add(hear);
    await ended.promise;
    this.#listeners.delete(hear);
  }
}

/** 0 where there is none. */
export function highestOf(events: readonly NumberedEvent[]): number {
  return events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
}
