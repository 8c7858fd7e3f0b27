import type { Event, StoredEvent, StatusEvent } from "../../src/feed/event.ts";
import type { SeqRange, EventLog } from "../../src/feed/event_log.ts";

/** A journal in memory that fails when it is told to. */
export class FakeJournal implements EventLog {
  /** Thrown by every method while it is set. */
  failure: Error | undefined;
  /** How often events were read. */
  reads = 0;
  #kept: StoredEvent[] = [];
  #last = 0;

  async append(events: readonly Event[]): Promise<readonly StoredEvent[]> {
    await this.#answer();
    const at = new Date().toISOString();
    const numbered = events.map((event) => ({ seq: ++this.#last, at, ...event }));
    this.#kept.push(...numbered);
    return numbered;
  }

  async readAfter(seq: number, limit: number): Promise<readonly StoredEvent[]> {
    this.reads++;
    await this.#answer();
    return this.#kept.filter((event) => event.seq > seq).slice(0, limit);
  }

  async seqRange(): Promise<SeqRange> {
    await this.#answer();
    return { first: this.#kept[0]?.seq ?? this.#last + 1, last: this.#last };
  }

  async prune({ before, count }: { before: number; count: number }): Promise<number> {
    await this.#answer();
    const kept = this.#kept.slice(Math.max(0, this.#kept.length - count))
      .filter((event) => Date.parse(event.at) >= before);
    const forgotten = this.#kept.length - kept.length;
    this.#kept = kept;
    return forgotten;
  }

  /** Answers later, as a database does. */
  async #answer(): Promise<void> {
    await Promise.resolve();
    if (this.failure) throw this.failure;
  }
}

/** A status whose time tells it from others. */
export function aStatus(fields: Partial<StatusEvent["data"]> = {}): StatusEvent {
  return {
    type: "status",
    repository: null,
    data: { state: "resting", waiting_until: null, ...fields },
  };
}
