import {
  CLOSE_TOO_SLOW,
  MAX_BUFFERED_BYTES,
  type Sink,
  SLOW_CLIENT_TIMEOUT_MS,
} from "./latest_queue.ts";

/** Characters that may be held for one client. The frames are the same strings for all who are behind. */
export const MAX_QUEUED_CHARACTERS = 16 * 1024 * 1024;

/**
 * What waits to be sent to one client that gets everything, in order. While the client is behind, frames are held; one that
 * takes nothing for too long, or for which too much is held, is closed.
 */
export class SendQueue {
  readonly #sink: Sink;
  #queued: string[] = [];
  #characters = 0;
  #slowSince = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Whether anything is held. */
  get isSlow(): boolean {
    return this.#queued.length > 0;
  }

  /** Sends a frame, or holds it until `flush`. */
  send(frame: string, now: number): void {
    if (!this.isSlow && this.#hasRoom) return this.#sink.send(frame);
    if (!this.isSlow) this.#slowSince = now;
    this.#queued.push(frame);
    this.#characters += frame.length;
  }

  /** Sends what there is room for: everything (`sent`), a part or nothing; or the client was `closed`. */
  flush(now: number): "sent" | "part" | "nothing" | "closed" {
    const count = this.#sendQueued();
    if (!this.isSlow) return "sent";
    if (count > 0) this.#slowSince = now;
    const isTooSlow = now - this.#slowSince >= SLOW_CLIENT_TIMEOUT_MS;
    const isTooLarge = this.#characters > MAX_QUEUED_CHARACTERS;
    if (!isTooSlow && !isTooLarge) return count > 0 ? "part" : "nothing";
    this.#queued = [];
    this.#sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
    return "closed";
  }

  #sendQueued(): number {
    let count = 0;
    for (const frame of this.#queued) {
      if (!this.#hasRoom) break;
      this.#sink.send(frame);
      this.#characters -= frame.length;
      count++;
    }
    this.#queued.splice(0, count);
    return count;
  }

  get #hasRoom(): boolean {
    return this.#sink.bufferedAmount <= MAX_BUFFERED_BYTES;
  }
}
