import { Buffer } from "node:buffer";
import type { Clock } from "../../clock.ts";
import { tooLarge } from "../../error_text.ts";
import type { Sink } from "../../feed/slow_client.ts";
import { CLOSE_TOO_BIG, type ConnectionMetrics } from "./connection_metrics.ts";

/** Limit of one frame from a client. */
const MAX_INBOUND_BYTES = 64 * 1024;

/** Limit of the drain, and the silence that ends it. */
const DRAIN_TIMEOUT_MS = 1_000;
const DRAIN_IDLE_MS = 25;

interface ConnectionOptions {
  readonly onOpen: () => void;
  /** Called for each frame within the size limit. */
  readonly onFrame: (frame: string | ArrayBuffer) => void;
  readonly metrics: ConnectionMetrics;
  readonly clock: Clock;
}

/**
 * One WebSocket client. It counts as disconnected as soon as the server closes it, because Deno's close event may arrive
 * late, twice or (deno#27924) never.
 */
export class Connection implements Sink {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #metrics: ConnectionMetrics;
  readonly #clock: Clock;
  readonly #disconnected = new AbortController();
  #receivedCount = 0;

  constructor(socket: WebSocket, { onOpen, onFrame, metrics, clock }: ConnectionOptions) {
    this.#metrics = metrics;
    this.#clock = clock;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = onOpen;
    socket.onmessage = ({ data }) => {
      if (this.#accept(data)) onFrame(data);
    };
    // A close event follows every error.
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = () => {
      this.#disconnect();
      closed.resolve();
    };
  }

  /** Aborts when the client leaves or the server closes the connection. */
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
    this.#metrics.countSent(frame);
  }

  close(code: number, reason: string): void {
    this.#disconnect(code);
    this.#socket.close(code, reason);
  }

  /**
   * Closes the connection after the client has stopped sending. Deno 2.9.6 drops a closing connection at the next incoming
   * frame, before the client has read the reason.
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

  /** `code` is the server's close code; `undefined` if the client has left. */
  #disconnect(code?: number): void {
    if (this.#disconnected.signal.aborted) return;
    this.#disconnected.abort();
    this.#metrics.countClosed(code);
  }

  #accept(data: string | ArrayBuffer): boolean {
    this.#receivedCount++;
    if (!this.#isConnected) return false;
    const bytes = Buffer.byteLength(data);
    this.#metrics.countReceived(bytes);
    if (bytes <= MAX_INBOUND_BYTES) return true;
    void this.closeAfterDrain(CLOSE_TOO_BIG, tooLarge("Frame", MAX_INBOUND_BYTES));
    return false;
  }
}
