import { CLOSE_TOO_SLOW, MAX_BEHIND_MS, MAX_BUFFERED_BYTES, type Sink } from "./outbox.ts";

/** Characters that may be held for one client. The frames are the same strings for all who are behind. */
export const MAX_HELD_CHARACTERS = 16 * 1024 * 1024;

/**
 * What waits to be sent to one client that gets everything, in order. While the client is behind, frames are held; one that
 * takes nothing for too long, or for which too much is held, is closed.
 */
export class Mailbox {
  readonly #sink: Sink;
  #held: string[] = [];
  #characters = 0;
  #behindSince = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether anything is held. */
  get isBehind(): boolean {
    return this.#held.length > 0;
  }

  /** Sends a frame, or holds it until `flush`. */
  offer(frame: string, now: number): void {
    if (!this.isBehind && this.#hasRoom) return this.#sink.send(frame);
    if (!this.isBehind) this.#behindSince = now;
    this.#held.push(frame);
    this.#characters += frame.length;
  }

  /** Sends what there is room for: everything (`sent`), a part or nothing; or the client was `closed`. */
  flush(now: number): "sent" | "part" | "nothing" | "closed" {
    const count = this.#sendHeld();
    if (!this.isBehind) return "sent";
    if (count > 0) this.#behindSince = now;
    const isTooSlow = now - this.#behindSince >= MAX_BEHIND_MS;
    const isTooMuch = this.#characters > MAX_HELD_CHARACTERS;
    if (!isTooSlow && !isTooMuch) return count > 0 ? "part" : "nothing";
    this.#held = [];
    this.#sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
    return "closed";
  }

  #sendHeld(): number {
    let count = 0;
    for (const frame of this.#held) {
      if (!this.#hasRoom) break;
      this.#sink.send(frame);
      this.#characters -= frame.length;
      count++;
    }
    this.#held.splice(0, count);
    return count;
  }

  get #hasRoom(): boolean {
    return this.#sink.bufferedAmount <= MAX_BUFFERED_BYTES;
  }
}
