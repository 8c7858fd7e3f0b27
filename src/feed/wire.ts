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

/** 0 where there is none. */
export function highestOf(events: readonly NumberedEvent[]): number {
  return events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
}
