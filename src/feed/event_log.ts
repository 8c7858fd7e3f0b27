import type { Event, StoredEvent } from "./event.ts";

/** Which numbers are kept. */
export interface SeqRange {
  /** The lowest that is kept; `last + 1` where none is. */
  readonly first: number;
  /** The highest that was ever given; 0 before the first. */
  readonly last: number;
}

/**
 * Where events are kept. Numbers grow by one from 1, become visible in their order, and are never given twice, not even
 * after a restart. An event that tells a change is appended by the store of that change, in the same transaction.
 */
export interface EventLog {
  /** Appends events that tell no change of a store, such as a status, in the order in which this is called. */
  append(events: readonly Event[]): Promise<readonly StoredEvent[]>;
  /** Events after number `seq`, in order, `limit` at the most. */
  readAfter(seq: number, limit: number): Promise<readonly StoredEvent[]>;
  seqRange(): Promise<SeqRange>;
  /** Forgets events from before `before` (ms since the epoch), and all but the last `count`. Returns how many. */
  prune(retain: { readonly before: number; readonly count: number }): Promise<number>;
}
