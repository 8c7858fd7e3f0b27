import type { EncodedEvent } from "./event.ts";

/** The capacity of the buffer. */
export interface ReplayLimits {
  readonly events: number;
  /** Characters of JSON; a character takes one or two bytes of memory. */
  readonly characters: number;
}

/** The latest events in memory, in order and without missing numbers. */
export class ReplayBuffer {
  readonly #limits: ReplayLimits;
  #events: EncodedEvent[] = [];
  #characters = 0;
  #lastSeq: number;

  /** `lastSeq`: the number of the event before the first. */
  constructor(lastSeq: number, limits: ReplayLimits) {
    this.#lastSeq = lastSeq;
    this.#limits = limits;
  }

  /** The number of the latest event. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Appends the event with the next number. */
  push(event: EncodedEvent): void {
    this.#lastSeq = event.seq;
    this.#events.push(event);
    this.#characters += event.json.length;
    while (
      this.#events.length > this.#limits.events || this.#characters > this.#limits.characters
    ) this.#characters -= this.#events.shift()?.json.length ?? 0;
  }

  /** Returns up to `limit` events after number `seq`; `undefined` if some of them are no longer in the buffer. */
  readAfter(seq: number, limit: number): readonly EncodedEvent[] | undefined {
    const start = seq - (this.#lastSeq - this.#events.length);
    return start < 0 ? undefined : this.#events.slice(start, start + limit);
  }
}
