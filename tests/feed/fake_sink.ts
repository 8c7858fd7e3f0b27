import type { Sink } from "../../src/feed/slow_client.ts";

/** Records the frames for one client. The test sets `bufferedAmount`. */
export class FakeSink implements Sink {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closed: number | undefined;
  /** Whether the client reads nothing: sent frames stay in the buffer. */
  isStuck = false;

  send(frame: string): void {
    this.sent.push(frame);
    if (this.isStuck) this.bufferedAmount += frame.length;
  }

  close(code: number): void {
    this.closed = code;
  }
}
