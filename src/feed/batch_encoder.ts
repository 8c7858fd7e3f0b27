import { LRUCache } from "lru-cache";
import type { EncodedEvent } from "./event.ts";

/** Cached arrays: usually enough for every combination of visibility and filter among the connected clients. */
const MAX_CACHED_ARRAYS = 32;

/** Encodes events as JSON arrays, for clients that batch. Clients that receive the same events share one string. */
export class BatchEncoder {
  readonly #maxBytes: number;
  /** By the first and last number and the count of the events, which identify most arrays. */
  readonly #cache = new LRUCache<string, CachedArray>({ max: MAX_CACHED_ARRAYS });

  /** `maxBytes`: the size limit of an array. A larger event gets an array of its own. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields as few arrays as possible, in the order of the events. */
  *encode(events: readonly EncodedEvent[]): Generator<string, void, void> {
    for (let start = 0; start < events.length;) {
      const end = this.#findEnd(events, start);
      yield this.#encodeArray(events.slice(start, end));
      start = end;
    }
  }

  /** Returns the end (exclusive) of the array that begins at `start`. */
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
    this.#cache.set(key, { events, json });
    return json;
  }
}

interface CachedArray {
  readonly events: readonly EncodedEvent[];
  readonly json: string;
}
