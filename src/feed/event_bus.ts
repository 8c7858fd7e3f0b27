import type { StoredEvent } from "./event.ts";

/** A notice from an instance about new events in the event log. */
export interface EventNotice {
  /** The highest number known to be stored. */
  readonly lastSeq: number;
  /** Some of the events up to that number; empty if they are too large for a notice. */
  readonly events: readonly StoredEvent[];
}

/** Notifies the feeds of other instances of new events. Notices may be lost, so each feed also polls the event log. */
export interface EventBus {
  /** Publishes committed events. Never blocks or throws. */
  publish(events: readonly StoredEvent[]): void;
  /** Receives notices, possibly including those of this instance, until `signal` aborts. */
  listen(onNotice: (notice: EventNotice) => void, signal: AbortSignal): Promise<void>;
}

/** Returns the highest sequence number; 0 if there are no events. */
export function maxSeq(events: readonly StoredEvent[]): number {
  return events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
}
