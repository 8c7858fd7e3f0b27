import type { EncodedEvent } from "./event.ts";

/** Arrays that are kept for others who hear the same: as many as there are kinds of rights and filters at once, as a rule. */
const MAX_CACHED_ARRAYS = 32;

/**
 * JSON arrays of events, for clients that batch. One serves all of them: those that hear the same at the same time get the
 * same string.
 */
export class BatchEncoder {
  readonly #maxBytes: number;
  /** The latest last; by what tells most of them apart. */
  readonly #cache = new Map<string, CachedArray>();

  /** `limit` is the most bytes in an array. An event that is longer goes alone. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** As few arrays as there can be, in the order of the events. */
  *encode(events: readonly EncodedEvent[]): Generator<string, void, void> {
    for (let start = 0; start < events.length;) {
      const end = this.#findEnd(events, start);
      yield this.#encodeArray(events.slice(start, end));
      start = end;
    }
  }

  /** Where the array ends that begins at `start`. */
  #findEnd(events: readonly EncodedEvent[], start: number): number {
    // Each event has a comma or a bracket after it.
    let bytes = "[".length;
    for (let at = start; at < events.length; at++) {
      bytes += (events[at]?.bytes ?? 0) + ",".length;
      if (bytes > this.#maxBytes && at > start) return at;
    }
    return events.length;
  }

  #encodeArray(events: readonly EncodedEvent[]): string {
    const key = `${events[0]?.seq} ${events.length} ${events.at(-1)?.seq}`;
    const cached = this.#cache.get(key);
    if (cached?.events.every((event, at) => event === events[at])) return cached.json;
    const json = `[${events.map((event) => event.json).join(",")}]`;
    this.#cache.delete(key);
    this.#cache.set(key, { events, json });
    if (this.#cache.size > MAX_CACHED_ARRAYS) {
      const [oldest = ""] = this.#cache.keys();
      this.#cache.delete(oldest);
    }
    return json;
  }
}

interface CachedArray {
  readonly events: readonly EncodedEvent[];
  readonly json: string;
}
