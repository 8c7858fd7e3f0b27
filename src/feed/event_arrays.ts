import type { EncodedEvent } from "./encoded.ts";

/**
 * JSON arrays of events, for clients that batch. One serves all of them: those that hear the same at the same time get the
 * same string.
 */
export class EventArrays {
  readonly #limit: number;
  #events: readonly EncodedEvent[] = [];
  #json = "[]";

  /** `limit` is the most bytes in an array. An event that is longer goes alone. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** As few arrays as there can be, in the order of the events. */
  *of(events: readonly EncodedEvent[]): Generator<string, void, void> {
    for (let start = 0; start < events.length;) {
      const end = this.#endOf(events, start);
      yield this.#encode(events.slice(start, end));
      start = end;
    }
  }

  /** Where the array ends that begins at `start`. */
  #endOf(events: readonly EncodedEvent[], start: number): number {
    // Each event has a comma or a bracket after it.
    let bytes = "[".length;
    for (let at = start; at < events.length; at++) {
      bytes += (events[at]?.bytes ?? 0) + ",".length;
      if (bytes > this.#limit && at > start) return at;
    }
    return events.length;
  }

  #encode(events: readonly EncodedEvent[]): string {
    const isSame = events.length === this.#events.length &&
      events.every((event, at) => event === this.#events[at]);
    if (!isSame) {
      this.#events = events;
      this.#json = `[${events.map(({ json }) => json).join(",")}]`;
    }
    return this.#json;
  }
}
