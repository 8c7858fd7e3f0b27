import type { Event, StoredEvent } from "./event.ts";

/** The sequence numbers of the stored events. */
export interface SeqRange {
  /** The lowest stored number; `last + 1` if no event is stored. */
  readonly first: number;
  /** The highest number ever assigned; 0 before the first. */
  readonly last: number;
}

/**
 * An append-only log of events. Numbers grow by one from 1, become visible in order, and are never reused, not even after a
 * restart. An event that reports a change in a store is appended by that store, in the transaction of the change.
 */
export interface EventLog {
  /** Appends events that report no change in a store, such as a status, in the order of the calls. */
  append(events: readonly Event[]): Promise<readonly StoredEvent[]>;
  /** Returns up to `limit` events after number `seq`, in order. */
  readAfter(seq: number, limit: number): Promise<readonly StoredEvent[]>;
  seqRange(): Promise<SeqRange>;
  /** Deletes events older than `before` (ms since the epoch), and all but the last `count`. Returns the number deleted. */
  prune(retain: { readonly before: number; readonly count: number }): Promise<number>;
}
