import type { Clock } from "../clock.ts";

/** So old may an answer be that is given in the place of one that cannot be had. */
const MAX_AGE_MS = 10 * 60_000;
/** Of all answers, with what was asked for. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What an answer takes besides its body and what was asked for; about. */
const ENTRY_BYTES = 512;
/** What says how to read a body, and what comes after it. */
const KEPT_HEADERS = ["Content-Type", "Link"];

interface Answer {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: readonly (readonly [string, string])[];
  readonly at: number;
}

/**
 * The last answers to reads, which are given again while the storage is away (RFC 5861, section 4). Only for what everybody
 * may see: while the storage is away nobody can tell who asks.
 */
export class LastAnswers {
  readonly #clock: Clock;
  /** By what was asked for; the one that was kept last comes last. */
  readonly #answers = new Map<string, Answer>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(asked: string, body: Uint8Array<ArrayBuffer>, headers: Headers): void {
    this.#forget(asked);
    if (sizeOf(asked, body) > MAX_BYTES) return;
    const kept = KEPT_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    this.#answers.set(asked, { body, headers: kept, at: this.#clock.now() });
    this.#bytes += sizeOf(asked, body);
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#forget(oldest);
    }
  }

  /** The body, in whose place `headers` stand then: with those that belong to it, and its `Age` (RFC 9111, section 5.1). */
  find(asked: string, headers: Headers): Uint8Array<ArrayBuffer> | undefined {
    const answer = this.#answers.get(asked);
    const age = answer && this.#clock.now() - answer.at;
    if (!answer || age === undefined || age > MAX_AGE_MS) return undefined;
    headers.delete("Retry-After");
    for (const [name, value] of answer.headers) headers.set(name, value);
    headers.set("Age", String(Math.max(0, Math.floor(age / 1_000))));
    return answer.body;
  }

  #forget(asked: string): void {
    const answer = this.#answers.get(asked);
    if (answer) this.#bytes -= sizeOf(asked, answer.body);
    this.#answers.delete(asked);
  }
}

function sizeOf(asked: string, { byteLength }: Uint8Array): number {
  return byteLength + 2 * asked.length + ENTRY_BYTES;
}
