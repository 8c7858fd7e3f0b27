import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

const MAX_AGE_MS = 10 * 60_000;
/** Limit of all entries, including their URLs. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Approximate size of an entry besides its body and URL. */
const ENTRY_OVERHEAD_BYTES = 512;
/** Headers that belong to the body. */
const STORED_HEADERS = ["Content-Type", "Link"];

interface CachedEntry {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: readonly (readonly [string, string])[];
  readonly storedAt: number;
}

/**
 * The last responses to reads, which are sent again while the storage is unavailable (RFC 5861, section 4). Only for public
 * data: without the storage, callers cannot be authenticated.
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

  /** Returns the stored body and replaces `headers` with its headers and its `Age` (RFC 9111, section 5.1). */
  find(url: string, headers: Headers): Uint8Array<ArrayBuffer> | undefined {
    // Entries are evicted in the order in which they were stored: reads do not count as use.
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
