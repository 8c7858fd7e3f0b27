import { Buffer } from "node:buffer";
import { CLOSE_TOO_SLOW } from "../../feed/slow_client.ts";
import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL_ERROR,
  CLOSE_POLICY_VIOLATION,
  CLOSE_TOO_BIG,
} from "./close_code.ts";

/** Why a connection was closed, by the code that says so. */
const REASONS: ReadonlyMap<number, CloseReason> = new Map([
  [CLOSE_GOING_AWAY, "shutting_down"],
  [CLOSE_POLICY_VIOLATION, "not_allowed"],
  [CLOSE_TOO_BIG, "too_big"],
  [CLOSE_INTERNAL_ERROR, "error"],
  [CLOSE_TOO_SLOW, "too_slow"],
]);

/** The client has `left`, or we have closed the connection. */
export type CloseReason =
  | "left"
  | "shutting_down"
  | "not_allowed"
  | "too_big"
  | "error"
  | "too_slow"
  | "other";

/** What goes between us and the clients of one protocol, in numbers that are read when somebody asks for them. */
export class ConnectionMetrics {
  readonly #closed = new Map<CloseReason, number>();
  #framesSent = 0;
  #bytesSent = 0;
  #framesReceived = 0;
  #bytesReceived = 0;
  /** The frame that was measured last: most are sent to many, one after the other. */
  #frame = "";
  #frameBytes = 0;

  get framesSent(): number {
    return this.#framesSent;
  }

  /** In UTF-8, without what the protocol adds. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get framesReceived(): number {
    return this.#framesReceived;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** How many connections have ended, by the reason. */
  get closed(): ReadonlyMap<CloseReason, number> {
    return this.#closed;
  }

  sent(frame: string): void {
    if (frame !== this.#frame) {
      this.#frame = frame;
      this.#frameBytes = Buffer.byteLength(frame);
    }
    this.#framesSent++;
    this.#bytesSent += this.#frameBytes;
  }

  received(bytes: number): void {
    this.#framesReceived++;
    this.#bytesReceived += bytes;
  }

  /** One connection has ended: we have closed it with `code`, or the client has left. */
  ended(code?: number): void {
    const reason = code === undefined ? "left" : REASONS.get(code) ?? "other";
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1);
  }
}
