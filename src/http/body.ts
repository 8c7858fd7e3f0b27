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

/** Reads bodies whole, and counts them while they come. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  #held = 0;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
  }

  /** Bytes of bodies under way. */
  get held(): number {
    return this.#held;
  }

  async read(request: Request): Promise<Uint8Array | BodyFault> {
    const { clock, maxBytes, limitMs, maxHeldBytes } = this.#options;
    if (Number(request.headers.get("content-length")) > maxBytes) return "too_large";
    if (!request.body) return new Uint8Array();
    const reader = request.body.getReader();
    const end = new AbortController();
    const late = clock.sleep(limitMs, end.signal).then(() => undefined);
    const pieces: Uint8Array[] = [];
    let size = 0;
    try {
      for (;;) {
        const read = await Promise.race([reader.read(), late]);
        if (!read) return "too_slow";
        if (read.done) return joined(pieces, size);
        size += read.value.byteLength;
        this.#held += read.value.byteLength;
        if (size > maxBytes) return "too_large";
        if (this.#held > maxHeldBytes) return "too_busy";
        pieces.push(read.value);
      }
    } catch {
      return "cut_off";
    } finally {
      this.#held -= size;
      end.abort();
      // Deno then lets what else is sent go nowhere; it has no effect on a body that was read to its end.
      reader.cancel().catch(() => {});
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
