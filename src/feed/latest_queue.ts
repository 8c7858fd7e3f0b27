/** The far end of one client's connection, for example a WebSocket. */
export interface Sink {
  /** Bytes handed over by `send` that have not left yet. */
  readonly bufferedAmount: number;
  send(frame: string): void;
  close(code: number, reason: string): void;
}

/** Bytes that may wait for one client to read them. */
export const MAX_BUFFERED_BYTES = 64 * 1024;
/** A client that stays behind for longer is closed. */
export const SLOW_CLIENT_TIMEOUT_MS = 30_000;
/** "Try Again Later", https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
export const CLOSE_TOO_SLOW = 1013;

/**
 * What waits to be sent to one client. While the client is behind, snapshots are held back and the latest one
 * replaces those before it; one that stays behind too long is closed.
 */
export class LatestOnlyQueue {
  readonly #sink: Sink;
  #queued: string | undefined;
  #slowSince = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Sends a snapshot, or holds it until `flush`. Returns whether it is held. */
  send(snapshot: string, now: number): boolean {
    if (this.#queued === undefined && this.#sink.bufferedAmount <= MAX_BUFFERED_BYTES) {
      this.#sink.send(snapshot);
      return false;
    }
    if (this.#queued === undefined) this.#slowSince = now;
    this.#queued = snapshot;
    return true;
  }

  /** Tries again to send what is held: `sent`, still `held`, or `closed` because the client was behind for too long. */
  flush(now: number): "sent" | "held" | "closed" {
    if (this.#sink.bufferedAmount <= MAX_BUFFERED_BYTES) {
      if (this.#queued !== undefined) this.#sink.send(this.#queued);
      this.#queued = undefined;
      return "sent";
    }
    if (now - this.#slowSince < SLOW_CLIENT_TIMEOUT_MS) return "held";
    this.#queued = undefined;
    this.#sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
    return "closed";
  }
}
