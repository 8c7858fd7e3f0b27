import type { EncodedEvent } from "./event.ts";

/** How much is kept at the most. */
export interface ReplayLimits {
  readonly events: number;
  /** Characters of JSON, of which each takes one or two bytes. */
  readonly characters: number;
}

/** The latest events, in order and without holes, in memory. */
export class ReplayBuffer {
  readonly #limits: ReplayLimits;
  #events: EncodedEvent[] = [];
  #characters = 0;
  #lastSeq: number;

  /** `last` is the number after which it begins. */
  constructor(lastSeq: number, limits: ReplayLimits) {
    this.#lastSeq = lastSeq;
    this.#limits = limits;
  }

  /** The number of the latest event. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Adds the event that comes after the last one. */
  push(event: EncodedEvent): void {
    this.#lastSeq = event.seq;
    this.#events.push(event);
    this.#characters += event.json.length;
    while (
      this.#events.length > this.#limits.events || this.#characters > this.#limits.characters
    ) this.#characters -= this.#events.shift()?.json.length ?? 0;
  }

  /** Events after number `seq`, `limit` at the most; `undefined` when some of them are no longer here. */
  readAfter(seq: number, limit: number): readonly EncodedEvent[] | undefined {
    const start = seq - (this.#lastSeq - this.#events.length);
    return start < 0 ? undefined : this.#events.slice(start, start + limit);
  }
}
