import { snapshot } from "./frame.mjs";

/** Totals over all clients and broadcasts. */
export interface FrameCounts {
  /** Milliseconds from the first to the last client, for each counted broadcast that reached all. */
  readonly spreads: readonly number[];
  /** Frames that did not arrive. */
  readonly lost: number;
  /** Frames that arrived twice or after a later one. */
  readonly repeated: number;
  /** Frames with a wrong length, number or content. */
  readonly damaged: number;
}

const QUOTE = '"'.charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** Checks every frame of every client: each number once, in order, with the correct length. */
export class FrameCounter {
  readonly #clients: number;
  readonly #warmUps: number;
  readonly #expected: readonly Uint8Array[];
  readonly #numberAt: number;
  readonly #next: Int32Array;
  readonly #arrived: Int32Array;
  readonly #firstAt: Float64Array;
  readonly #spreads: number[] = [];
  #lost = 0;
  #repeated = 0;
  #damaged = 0;
  #delivered = 0;

  constructor(clients: number, broadcasts: number, options: { readonly warmUps: number }) {
    const encoder = new TextEncoder();
    this.#clients = clients;
    this.#warmUps = options.warmUps;
    this.#expected = Array.from(
      { length: broadcasts + 1 },
      (_, number) => encoder.encode(JSON.stringify(snapshot(number))),
    );
    this.#numberAt = JSON.stringify(snapshot(0)).indexOf('broadcast 0"') + "broadcast ".length;
    this.#next = new Int32Array(clients).fill(1);
    this.#arrived = new Int32Array(broadcasts + 1);
    this.#firstAt = new Float64Array(broadcasts + 1);
  }

  /** Whether a broadcast has reached some clients, but not all. */
  get isInFlight(): boolean {
    return this.#delivered % this.#clients !== 0;
  }

  get isComplete(): boolean {
    return this.#delivered === this.#clients * (this.#expected.length - 1);
  }

  /** Counts a frame received by `client`, the bytes from `start` to `end`. */
  count(client: number, bytes: Uint8Array, { start, end }: { start: number; end: number }): void {
    this.#delivered++;
    let number = 0;
    for (let at = start + this.#numberAt; at < end && bytes[at] !== QUOTE; at++) {
      number = number * 10 + (bytes[at] ?? 0) - ZERO;
    }
    const expected = this.#expected[number];
    if (
      number === 0 || expected?.length !== end - start ||
      (client === 0 && !isSame(bytes.subarray(start, end), expected))
    ) {
      this.#damaged++;
      return;
    }
    const next = this.#next[client] ?? 0;
    if (number < next) {
      this.#repeated++;
      return;
    }
    this.#lost += number - next;
    this.#next[client] = number + 1;
    this.#arrive(number);
  }

  result(): FrameCounts {
    const end = this.#expected.length;
    const never = this.#next.reduce((sum, next) => sum + end - next, 0);
    return {
      spreads: this.#spreads,
      lost: this.#lost + never,
      repeated: this.#repeated,
      damaged: this.#damaged,
    };
  }

  #arrive(number: number): void {
    const arrived = (this.#arrived[number] ?? 0) + 1;
    this.#arrived[number] = arrived;
    if (arrived === 1) this.#firstAt[number] = performance.now();
    if (arrived === this.#clients && number > this.#warmUps) {
      this.#spreads.push(performance.now() - (this.#firstAt[number] ?? 0));
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
