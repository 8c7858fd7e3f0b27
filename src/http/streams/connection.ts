import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import type { Sink } from "../../feed/slow_client.ts";
import { CLOSE_TOO_BIG } from "./close_code.ts";
import type { ConnectionMetrics } from "./connection_metrics.ts";

/** The most that a client may say in one frame. */
export const MAX_INBOUND_BYTES = 64 * 1024;

/** How long a client that is sent away for what it sends may go on with that, and what silence tells that it has ended. */
const DRAIN_TIMEOUT_MS = 1_000;
const DRAIN_IDLE_MS = 25;

export interface ConnectionOptions {
  readonly onOpen: () => void;
  /** Told of each frame that is not too large. */
  readonly onFrame: (frame: string | ArrayBuffer) => void;
  /** Told of what goes to and fro. */
  readonly traffic: ConnectionMetrics;
  readonly clock: Clock;
}

/** One WebSocket client. It has left as soon as we close it: Deno may tell so late, twice, or (deno#27924) never. */
export class Connection implements Sink {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #traffic: ConnectionMetrics;
  readonly #clock: Clock;
  readonly #disconnected = new AbortController();
  /** Frames that have come. */
  #receivedCount = 0;

  constructor(socket: WebSocket, { onOpen, onFrame, traffic, clock }: ConnectionOptions) {
    this.#traffic = traffic;
    this.#clock = clock;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = onOpen;
    socket.onmessage = ({ data }) => {
      if (this.#accept(data)) onFrame(data);
    };
    // An error is always followed by a close.
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = () => {
      this.#disconnect();
      closed.resolve();
    };
  }

  /** Aborts when the client has left. */
  get disconnected(): AbortSignal {
    return this.#disconnected.signal;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  get #isConnected(): boolean {
    return !this.#disconnected.signal.aborted && this.#socket.readyState === WebSocket.OPEN;
  }

  send(frame: string): void {
    if (!this.#isConnected) return;
    this.#socket.send(frame);
    this.#traffic.sent(frame);
  }

  close(code: number, reason: string): void {
    this.#disconnect(code);
    this.#socket.close(code, reason);
  }

  /**
   * Closes for what the client sends, when it has stopped sending: Deno 2.9.6 ends a connection that it is closing at the
   * first frame that comes, before the client has read why.
   */
  async closeAfterDrain(code: number, reason: string): Promise<void> {
    this.#disconnect(code);
    for (let waited = 0, lastCount = -1; waited < DRAIN_TIMEOUT_MS; waited += DRAIN_IDLE_MS) {
      if (lastCount === this.#receivedCount) break;
      lastCount = this.#receivedCount;
      await this.#clock.sleep(DRAIN_IDLE_MS);
    }
    this.#socket.close(code, reason);
  }

  /** `code`: with which we close; `undefined` when the client has left. */
  #disconnect(code?: number): void {
    if (this.#disconnected.signal.aborted) return;
    this.#disconnected.abort();
    this.#traffic.ended(code);
  }

  #accept(data: string | ArrayBuffer): boolean {
    this.#receivedCount++;
    if (!this.#isConnected) return false;
    const bytes = Buffer.byteLength(data);
    this.#traffic.received(bytes);
    if (bytes <= MAX_INBOUND_BYTES) return true;
    void this.closeAfterDrain(
      CLOSE_TOO_BIG,
      `A frame may have ${MAX_INBOUND_BYTES} bytes at the most`,
    );
    return false;
  }
}
