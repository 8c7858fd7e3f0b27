import type { Context } from "hono";
import { problemResponse } from "../problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Limits the open connections of all streaming protocols together. */
export class ConnectionLimit {
  #count = 0;
  #isClosed = false;

  constructor(readonly limit: number) {}

  get used(): number {
    return this.#count;
  }

  /** Counts a connection until `closed` settles. */
  add(closed: Promise<unknown>): void {
    this.#count++;
    const release = () => {
      this.#count--;
    };
    void closed.then(release, release);
  }

  /** Rejects all further connections. */
  close(): void {
    this.#isClosed = true;
  }

  /** The problem response if another connection is not accepted; `undefined` if it is. */
  check(context: Context): Response | undefined {
    if (this.#isClosed) {
      return problemResponse(context, "shutting_down", {
        detail: "Runwire is shutting down; retry",
        headers: { "Retry-After": "1" },
      });
    }
    if (this.#count < this.limit) return undefined;
    return problemResponse(context, "too_many_connections", {
      detail: `Too many connections: the limit is ${this.limit}`,
      headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
    });
  }
}
