import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** So old may an answer be that is given in the place of one that cannot be had. */
const MAX_AGE_MS = 10 * 60_000;
/** Of all answers, with what was asked for. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What an answer takes besides its body and what was asked for; about. */
const ENTRY_OVERHEAD_BYTES = 512;
/** What says how to read a body, and what comes after it. */
const STORED_HEADERS = ["Content-Type", "Link"];

interface CachedEntry {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: readonly (readonly [string, string])[];
  readonly storedAt: number;
}

/**
 * The last answers to reads, which are given again while the storage is away (RFC 5861, section 4). Only for what everybody
 * may see: while the storage is away nobody can tell who asks.
 */
export class StaleCache {
  readonly #clock: Clock;
  /** By URL. */
  readonly #entries = new LRUCache<string, CachedEntry>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ body }, url) => entryBytes(url, body),
  });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  store(url: string, body: Uint8Array<ArrayBuffer>, headers: Headers): void {
    const storedHeaders = STORED_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    this.#entries.set(url, { body, headers: storedHeaders, storedAt: this.#clock.now() });
  }

  /** The body, in whose place `headers` stand then: with those that belong to it, and its `Age` (RFC 9111, section 5.1). */
  find(url: string, headers: Headers): Uint8Array<ArrayBuffer> | undefined {
    // The order of eviction is that of `store`: reads do not count as use.
    const entry = this.#entries.peek(url);
    const age = entry && this.#clock.now() - entry.storedAt;
    if (!entry || age === undefined || age > MAX_AGE_MS) return undefined;
    headers.delete("Retry-After");
    for (const [name, value] of entry.headers) headers.set(name, value);
    headers.set("Age", String(Math.max(0, Math.floor(age / 1_000))));
    return entry.body;
  }
}

function entryBytes(url: string, { byteLength }: Uint8Array): number {
  return byteLength + 2 * url.length + ENTRY_OVERHEAD_BYTES;
}
