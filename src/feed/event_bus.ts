import type { StoredEvent } from "./event.ts";

/** What an instance tells of the journal: what it has kept, or only up to which number. */
export interface EventNotice {
  /** The highest number that is known to be kept. */
  readonly last: number;
  /** Some of the events up to that number; none where they would be too large. */
  readonly events: readonly StoredEvent[];
}

/** Tells the feeds of other instances of what one has kept. It may lose news: each feed looks at the journal, too. */
export interface EventBus {
  /** Tells of events that are committed. Neither waits nor fails. */
  publish(events: readonly StoredEvent[]): void;
  /** Hands over what is published, perhaps one's own, too, until `signal` aborts. */
  listen(onNotice: (notice: EventNotice) => void, signal: AbortSignal): Promise<void>;
}

/** 0 where there is none. */
export function maxSeq(events: readonly StoredEvent[]): number {
  return events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
}
