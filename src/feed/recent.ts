import type { EncodedEvent } from "./encoded.ts";

/** How much is kept at the most. */
export interface RecentSize {
  readonly events: number;
  /** Characters of JSON, of which each takes one or two bytes. */
  readonly characters: number;
}

/** The latest events, in order and without holes, in memory. */
export class Recent {
  readonly #size: RecentSize;
  #events: EncodedEvent[] = [];
  #characters = 0;
  #last: number;

  /** `last` is the number after which it begins. */
  constructor(last: number, size: RecentSize) {
    this.#last = last;
    this.#size = size;
  }

  /** The number of the latest event. */
  get last(): number {
    return this.#last;
  }

  /** Adds the event that comes after the last one. */
  push(event: EncodedEvent): void {
    this.#last = event.seq;
    this.#events.push(event);
    this.#characters += event.json.length;
    while (
      this.#events.length > this.#size.events || this.#characters > this.#size.characters
    ) this.#characters -= this.#events.shift()?.json.length ?? 0;
  }

  /** Events after number `seq`, `limit` at the most; `undefined` when some of them are no longer here. */
  after(seq: number, limit: number): readonly EncodedEvent[] | undefined {
    const start = seq - (this.#last - this.#events.length);
    return start < 0 ? undefined : this.#events.slice(start, start + limit);
  }
}
