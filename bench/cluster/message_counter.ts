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
export function messageContent(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}${FILLER}`;
}

/** Checks every frame of every client: the same bytes for all, each message once, all in one order. */
export class MessageCounter {
  readonly #clients: number;
  /** Where in a message the content begins. */
  readonly #contentAt: number;
  /** By number, the bytes of the message as they came first, */
  readonly #firstSeen: Uint8Array[] = [];
  /** whether a client has it, */
  readonly #receivedBy: Uint8Array[] = [];
  /** and how many have it. */
  readonly #receivedCount: number[] = [];
  /** The numbers in the order in which they came. */
  readonly #order: number[] = [];
  /** By client, how many have come. */
  readonly #countByClient: Int32Array;
  #repeated = 0;
  #disordered = 0;
  #delivered = 0;

  constructor(clients: number) {
    this.#clients = clients;
    this.#countByClient = new Int32Array(clients);
    this.#contentAt = `{"id":"${crypto.randomUUID()}","content":"`.length;
  }

  /**
   * `client` has got a message, as JSON. Returns its number when it was the last one to get it.
   * @throws {Error} when it is not what was said, or differs from what others got
   */
  count(client: number, json: Uint8Array): number | undefined {
    const number = this.#parseNumber(json);
    this.#check(number, json);
    const receivedBy = this.#receivedBy[number];
    if (!receivedBy) return undefined;
    if (receivedBy[client]) {
      this.#repeated++;
      return undefined;
    }
    receivedBy[client] = 1;
    this.#delivered++;
    const position = this.#countByClient[client] ?? 0;
    this.#countByClient[client] = position + 1;
    if (position === this.#order.length) this.#order.push(number);
    if (this.#order[position] !== number) this.#disordered++;
    const arrived = (this.#receivedCount[number] ?? 0) + 1;
    this.#receivedCount[number] = arrived;
    return arrived === this.#clients ? number : undefined;
  }

  /** When `sent` messages were sent. */
  faults(sent: number): Faults {
    const lost = this.#clients * sent - this.#delivered;
    return { lost, repeated: this.#repeated, disordered: this.#disordered };
  }

  #parseNumber(json: Uint8Array): number {
    let number = 0;
    for (let at = this.#contentAt; at < this.#contentAt + DIGITS; at++) {
      number = number * 10 + (json[at] ?? 0) - 0x30;
    }
    return number;
  }

  #check(number: number, json: Uint8Array): void {
    const firstSeen = this.#firstSeen[number];
    if (firstSeen) {
      if (!isSame(firstSeen, json)) {
        throw new Error(`Cannot take ${decoder.decode(json)}: it differs`);
      }
      return;
    }
    const text = decoder.decode(json);
    const { content } = JSON.parse(text);
    if (content !== messageContent(number)) throw new Error(`Cannot take ${text}: nobody said it`);
    this.#firstSeen[number] = json.slice();
    this.#receivedBy[number] = new Uint8Array(this.#clients);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
