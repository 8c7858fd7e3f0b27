import { Buffer } from "node:buffer";
import { CLOSE_TOO_SLOW } from "../../feed/slow_client.ts";

/** WebSocket close codes (RFC 6455, section 7.4.1). Event streams have no codes but end for the same reasons. */
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_POLICY_VIOLATION = 1008;
export const CLOSE_TOO_BIG = 1009;
export const CLOSE_INTERNAL_ERROR = 1011;

const REASONS: ReadonlyMap<number, CloseReason> = new Map([
  [CLOSE_GOING_AWAY, "shutting_down"],
  [CLOSE_POLICY_VIOLATION, "not_allowed"],
  [CLOSE_TOO_BIG, "too_big"],
  [CLOSE_INTERNAL_ERROR, "error"],
  [CLOSE_TOO_SLOW, "too_slow"],
]);

/** `left` if the client closed the connection; every other reason is the server's. */
type CloseReason =
  | "left"
  | "shutting_down"
  | "not_allowed"
  | "too_big"
  | "error"
  | "too_slow"
  | "other";

/** Counts the frames and closed connections of one protocol; read on each scrape of the metrics. */
export class ConnectionMetrics {
  readonly #closed = new Map<CloseReason, number>();
  #framesSent = 0;
  #bytesSent = 0;
  #framesReceived = 0;
  #bytesReceived = 0;
  /** The frame that was measured last. Most frames are sent to many clients in a row. */
  #measuredFrame = "";
  #measuredBytes = 0;

  get framesSent(): number {
    return this.#framesSent;
  }

  /** In UTF-8, without protocol overhead. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get framesReceived(): number {
    return this.#framesReceived;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Closed connections by reason. */
  get closed(): ReadonlyMap<CloseReason, number> {
    return this.#closed;
  }

  countSent(frame: string): void {
    if (frame !== this.#measuredFrame) {
      this.#measuredFrame = frame;
      this.#measuredBytes = Buffer.byteLength(frame);
    }
    this.#framesSent++;
    this.#bytesSent += this.#measuredBytes;
  }

  countReceived(bytes: number): void {
    this.#framesReceived++;
    this.#bytesReceived += bytes;
  }

  /** Counts a closed connection. `code` is the server's close code; `undefined` if the client has left. */
  countClosed(code?: number): void {
    const reason = code === undefined ? "left" : REASONS.get(code) ?? "other";
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1);
  }
}
