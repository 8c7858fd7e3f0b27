/** What went wrong with frames so far; all are to be 0. */
export interface Faults {
  /** Never came to a client. */
  readonly lost: number;
  /** Came to a client again. */
  readonly repeated: number;
  /** Came to a client at another place than to the one that was first to hear so many. */
  readonly disordered: number;
}

const DIGITS = 6;
const FILLER = " says that the deployment to production has begun, and asks others to wait";
const decoder = new TextDecoder();

/** What message `number` says. */
export function contentOf(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}${FILLER}`;
}

/** Checks every frame of every client: the same bytes for all, each message once, all in one order. */
export class Tally {
  readonly #clients: number;
  /** Where in a message the content begins. */
  readonly #contentAt: number;
  /** By number, the bytes of the message as they came first, */
  readonly #known: Uint8Array[] = [];
  /** whether a client has it, */
  readonly #has: Uint8Array[] = [];
  /** and how many have it. */
  readonly #arrived: number[] = [];
  /** The numbers in the order in which they came. */
  readonly #order: number[] = [];
  /** By client, how many have come. */
  readonly #heard: Int32Array;
  #repeated = 0;
  #disordered = 0;
  #delivered = 0;

  constructor(clients: number) {
    this.#clients = clients;
    this.#heard = new Int32Array(clients);
    this.#contentAt = `{"id":"${crypto.randomUUID()}","content":"`.length;
  }

  /**
   * `client` has got a message, as JSON. Returns its number when it was the last one to get it.
   * @throws {Error} when it is not what was said, or differs from what others got
   */
  hear(client: number, json: Uint8Array): number | undefined {
    const number = this.#numberIn(json);
    this.#check(number, json);
    const has = this.#has[number];
    if (!has) return undefined;
    if (has[client]) {
      this.#repeated++;
      return undefined;
    }
    has[client] = 1;
    this.#delivered++;
    const place = this.#heard[client] ?? 0;
    this.#heard[client] = place + 1;
    if (place === this.#order.length) this.#order.push(number);
    if (this.#order[place] !== number) this.#disordered++;
    const arrived = (this.#arrived[number] ?? 0) + 1;
    this.#arrived[number] = arrived;
    return arrived === this.#clients ? number : undefined;
  }

  /** When `sent` messages were sent. */
  faults(sent: number): Faults {
    const lost = this.#clients * sent - this.#delivered;
    return { lost, repeated: this.#repeated, disordered: this.#disordered };
  }

  #numberIn(json: Uint8Array): number {
    let number = 0;
    for (let at = this.#contentAt; at < this.#contentAt + DIGITS; at++) {
      number = number * 10 + (json[at] ?? 0) - 0x30;
    }
    return number;
  }

  #check(number: number, json: Uint8Array): void {
    const known = this.#known[number];
    if (known) {
      if (!isSame(known, json)) throw new Error(`Cannot take ${decoder.decode(json)}: it differs`);
      return;
    }
    const text = decoder.decode(json);
    const { content } = JSON.parse(text);
    if (content !== contentOf(number)) throw new Error(`Cannot take ${text}: nobody said it`);
    this.#known[number] = json.slice();
    this.#has[number] = new Uint8Array(this.#clients);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
