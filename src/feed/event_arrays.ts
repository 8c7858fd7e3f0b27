import type { EncodedEvent } from "./encoded.ts";

/** Arrays that are kept for others who hear the same: as many as there are kinds of rights and filters at once, as a rule. */
const MAX_KEPT = 32;

/**
 * JSON arrays of events, for clients that batch. One serves all of them: those that hear the same at the same time get the
 * same string.
 */
export class EventArrays {
  readonly #limit: number;
  /** The latest last; by what tells most of them apart. */
  readonly #kept = new Map<string, EventArray>();

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
    const key = `${events[0]?.seq} ${events.length} ${events.at(-1)?.seq}`;
    const kept = this.#kept.get(key);
    if (kept?.events.every((event, at) => event === events[at])) return kept.json;
    const json = `[${events.map((event) => event.json).join(",")}]`;
    this.#kept.delete(key);
    this.#kept.set(key, { events, json });
    if (this.#kept.size > MAX_KEPT) {
      const [oldest = ""] = this.#kept.keys();
      this.#kept.delete(oldest);
    }
    return json;
  }
}

interface EventArray {
  readonly events: readonly EncodedEvent[];
  readonly json: string;
}
