import type { Event, StatusEvent, StoredEvent } from "../../../src/feed/event.ts";
import type { EventLog, SeqRange } from "../../../src/feed/event_log.ts";

/** An event log in memory that fails on request. */
export class FakeEventLog implements EventLog {
  /** Thrown by every method while it is set. */
  error: Error | undefined;
  /** The number of reads. */
  reads = 0;
  #events: StoredEvent[] = [];
  #lastSeq = 0;

  async append(events: readonly Event[]): Promise<readonly StoredEvent[]> {
    await this.#respond();
    const at = new Date().toISOString();
    const stored = events.map((event) => ({ seq: ++this.#lastSeq, at, ...event }));
    this.#events.push(...stored);
    return stored;
  }

  async readAfter(seq: number, limit: number): Promise<readonly StoredEvent[]> {
    this.reads++;
    await this.#respond();
    return this.#events.filter((event) => event.seq > seq).slice(0, limit);
  }

  async seqRange(): Promise<SeqRange> {
    await this.#respond();
    return { first: this.#events[0]?.seq ?? this.#lastSeq + 1, last: this.#lastSeq };
  }

  async prune({ before, count }: { before: number; count: number }): Promise<number> {
    await this.#respond();
    const retained = this.#events.slice(Math.max(0, this.#events.length - count))
      .filter((event) => Date.parse(event.at) >= before);
    const removed = this.#events.length - retained.length;
    this.#events = retained;
    return removed;
  }

  /** Resolves asynchronously, like a database. */
  async #respond(): Promise<void> {
    await Promise.resolve();
    if (this.error) throw this.error;
  }
}

/** A status event. */
export function aStatus(fields: Partial<StatusEvent["data"]> = {}): StatusEvent {
  return {
    type: "status",
    repository: null,
    data: { state: "idle", waiting_until: null, ...fields },
  };
}
