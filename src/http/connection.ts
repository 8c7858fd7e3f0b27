import type { Sink } from "../feed/outbox.ts";

/** "Message Too Big", RFC 6455, section 7.4.1. */
const CLOSE_TOO_BIG = 1009;

/** The most that a client may say in one frame. */
export const MAX_INBOUND_BYTES = 64 * 1024;

/** One WebSocket client. It has left as soon as we close it: Deno may tell so late, twice, or (deno#27924) never. */
export class Connection implements Sink {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #left = new AbortController();

  constructor(socket: WebSocket, onOpen: () => void) {
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = onOpen;
    socket.onmessage = ({ data }) => this.#receive(data);
    // An error is always followed by a close.
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = () => {
      this.#left.abort();
      closed.resolve();
    };
  }

  /** Aborts when the client has left. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  close(code: number, reason: string): void {
    this.#left.abort();
    this.#socket.close(code, reason);
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (byteLength(data) <= MAX_INBOUND_BYTES) return;
    this.close(CLOSE_TOO_BIG, `A frame may have ${MAX_INBOUND_BYTES} bytes at the most`);
  }
}

function byteLength(data: string | ArrayBuffer): number {
  return typeof data === "string" ? new TextEncoder().encode(data).byteLength : data.byteLength;
}
