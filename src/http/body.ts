import type { Clock } from "../clock.ts";

/** Why a body was not read to its end: for its size, its slowness, its sender, or for all that is being read just now. */
export type BodyFault = "too_large" | "too_slow" | "cut_off" | "too_busy";

export interface BodyReaderOptions {
  readonly clock: Clock;
  /** Of one body. */
  readonly maxBytes: number;
  /** For one body. */
  readonly limitMs: number;
  /** Of all bodies that are under way: anybody may send one. */
  readonly maxHeldBytes: number;
}

interface Body {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly startedAt: number;
  isLate: boolean;
}

/** How often bodies are looked at, whether one takes too long. */
const TICK_MS = 1_000;

/** Reads bodies whole, and counts them while they come; without `watch` however long that takes. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #underWay = new Set<Body>();
  #held = 0;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
  }

  /** Bytes of bodies under way. */
  get held(): number {
    return this.#held;
  }

  /** Gives up bodies that take too long, until it is disposed: one timer for all, as most are here at once. */
  watch(): Disposable {
    return { [Symbol.dispose]: this.#options.clock.every(TICK_MS, () => this.#tick()) };
  }

  async read(request: Request): Promise<Uint8Array | BodyFault> {
    const { clock, maxBytes } = this.#options;
    if (Number(request.headers.get("content-length")) > maxBytes) return "too_large";
    if (!request.body) return new Uint8Array();
    const body = { reader: request.body.getReader(), startedAt: clock.now(), isLate: false };
    this.#underWay.add(body);
    try {
      return await this.#readAll(body);
    } finally {
      this.#underWay.delete(body);
    }
  }

  async #readAll(body: Body): Promise<Uint8Array | BodyFault> {
    const { maxBytes, maxHeldBytes } = this.#options;
    const pieces: Uint8Array[] = [];
    let size = 0;
    try {
      for (;;) {
        const { value, done } = await body.reader.read();
        if (body.isLate) return "too_slow";
        if (done) return joined(pieces, size);
        size += value.byteLength;
        this.#held += value.byteLength;
        if (size > maxBytes) return "too_large";
        if (this.#held > maxHeldBytes) return "too_busy";
        pieces.push(value);
      }
    } catch {
      return body.isLate ? "too_slow" : "cut_off";
    } finally {
      this.#held -= size;
      // Deno then lets what else is sent go nowhere; it has no effect on a body that was read to its end.
      body.reader.cancel().catch(() => {});
    }
  }

  #tick(): void {
    const latest = this.#options.clock.now() - this.#options.limitMs;
    for (const body of this.#underWay) {
      if (body.startedAt > latest) continue;
      body.isLate = true;
      // Ends the read that is under way.
      body.reader.cancel().catch(() => {});
    }
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = pieces;
  if (first && pieces.length === 1) return first;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.byteLength;
  }
  return bytes;
}
