import type { Clock } from "../clock.ts";

/** Why a body was not read to its end: for its size, its slowness, its sender, or for all that is being read just now. */
export type BodyReadError = "too_large" | "too_slow" | "cut_off" | "overloaded";

export interface BodyReaderOptions {
  readonly clock: Clock;
  /** Of one body. */
  readonly maxBytes: number;
  /** For one body. */
  readonly timeoutMs: number;
  /** Of all bodies that are under way: anybody may send one. */
  readonly maxHeldBytes: number;
}

interface Body {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly startedAt: number;
  isTimedOut: boolean;
}

/** How often bodies are looked at, whether one takes too long. */
const CHECK_INTERVAL_MS = 1_000;

/** Reads bodies whole, and counts them while they come; without `watch` however long that takes. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #reading = new Set<Body>();
  #pendingBytes = 0;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
  }

  /** Bytes of bodies under way. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Gives up bodies that take too long, until it is disposed: one timer for all, as most are here at once. */
  enforceTimeout(): Disposable {
    return {
      [Symbol.dispose]: this.#options.clock.every(CHECK_INTERVAL_MS, () => this.#cancelSlow()),
    };
  }

  async read(request: Request): Promise<Uint8Array | BodyReadError> {
    const { clock, maxBytes } = this.#options;
    if (Number(request.headers.get("content-length")) > maxBytes) return "too_large";
    if (!request.body) return new Uint8Array();
    const body = { reader: request.body.getReader(), startedAt: clock.now(), isTimedOut: false };
    this.#reading.add(body);
    try {
      return await this.#readAll(body);
    } finally {
      this.#reading.delete(body);
    }
  }

  async #readAll(body: Body): Promise<Uint8Array | BodyReadError> {
    const { maxBytes, maxHeldBytes } = this.#options;
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for (;;) {
        const { value, done } = await body.reader.read();
        if (body.isTimedOut) return "too_slow";
        if (done) return concat(chunks, size);
        size += value.byteLength;
        this.#pendingBytes += value.byteLength;
        if (size > maxBytes) return "too_large";
        if (this.#pendingBytes > maxHeldBytes) return "overloaded";
        chunks.push(value);
      }
    } catch {
      return body.isTimedOut ? "too_slow" : "cut_off";
    } finally {
      this.#pendingBytes -= size;
      // Deno then lets what else is sent go nowhere; it has no effect on a body that was read to its end.
      body.reader.cancel().catch(() => {});
    }
  }

  #cancelSlow(): void {
    const startedBefore = this.#options.clock.now() - this.#options.timeoutMs;
    for (const body of this.#reading) {
      if (body.startedAt > startedBefore) continue;
      body.isTimedOut = true;
      // Ends the read that is under way.
      body.reader.cancel().catch(() => {});
    }
  }
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
