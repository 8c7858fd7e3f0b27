/** The far end of one client's connection, for example a WebSocket. */
export interface Sink {
  /** Bytes passed to `send` that have not been written to the network yet. */
  readonly bufferedAmount: number;
  send(frame: string): void;
  close(code: number, reason: string): void;
}

/** A client with more unsent bytes than this is slow: it gets no further frame until it has read some of them. */
export const MAX_BUFFERED_BYTES = 64 * 1024;
/** A client that is slow for this long, and reads nothing in that time, is closed. */
export const SLOW_CLIENT_TIMEOUT_MS = 30_000;
/** "Try Again Later", https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
export const CLOSE_TOO_SLOW = 1013;

/** Limits of the pause before a slow client is checked again; the pause doubles while the client reads nothing. */
export const MIN_BACKOFF_MS = 4;
export const MAX_BACKOFF_MS = 250;

/** Whether the client may be sent a frame now. */
export function hasRoom({ bufferedAmount }: Pick<Sink, "bufferedAmount">): boolean {
  return bufferedAmount <= MAX_BUFFERED_BYTES;
}

export function closeSlowClient(sink: Pick<Sink, "close">): void {
  sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
}

/** Measures how long a client has read nothing. Times in ms since the epoch. */
export class SlowClientTimer {
  /** `undefined` while the timer is stopped. */
  #startedAt: number | undefined;

  get isRunning(): boolean {
    return this.#startedAt !== undefined;
  }

  /** Starts the timer from zero. */
  start(now: number): void {
    this.#startedAt = now;
  }

  stop(): void {
    this.#startedAt = undefined;
  }

  /** Whether the client is to be closed. */
  isExpired(now: number): boolean {
    return this.#startedAt !== undefined && now - this.#startedAt >= SLOW_CLIENT_TIMEOUT_MS;
  }
}
