/** Errors in the received frames; all must be 0. */
export interface Faults {
  /** Messages that did not reach a client. */
  readonly lost: number;
  /** Messages that a client received twice. */
  readonly repeated: number;
  /** Messages at another position than at the client that was first to receive as many. */
  readonly disordered: number;
}

const DIGITS = 6;
const FILLER = " says that the deployment to production has begun, and asks others to wait";
const decoder = new TextDecoder();

export function messageContent(number: number): string {
  return `${String(number).padStart(DIGITS, "0")}${FILLER}`;
}

/** Checks every frame of every client: the same bytes for all, each message once, all in one order. */
export class MessageCounter {
  readonly #clients: number;
  /** Offset of the content in a message. */
  readonly #contentAt: number;
  /** The bytes of each message as first received, by number. */
  readonly #firstSeen: Uint8Array[] = [];
  /** For each message, whether a client has received it. */
  readonly #receivedBy: Uint8Array[] = [];
  /** For each message, the number of clients that have received it. */
  readonly #receivedCount: number[] = [];
  /** Message numbers in the order of the first client. */
  readonly #order: number[] = [];
  /** Received messages by client. */
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
   * Counts a message received by `client`, as JSON. Returns its number once all clients have received it.
   * @throws {Error} if it differs from the sent message, or from the bytes other clients received
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

  /** The errors after `sent` messages. */
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
        throw new Error(`Unexpected message ${decoder.decode(json)}: it differs between clients`);
      }
      return;
    }
    const text = decoder.decode(json);
    const { content } = JSON.parse(text);
    if (content !== messageContent(number)) {
      throw new Error(`Unexpected message ${text}: it was never sent`);
    }
    this.#firstSeen[number] = json.slice();
    this.#receivedBy[number] = new Uint8Array(this.#clients);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
