import type { Context } from "hono";
import { problemResponse } from "../problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Room for clients that stay connected, by whatever protocol. */
export class ConnectionLimit {
  #count = 0;
  #isClosed = false;

  /** `limit` is how many there may be at a time. */
  constructor(readonly limit: number) {}

  get used(): number {
    return this.#count;
  }

  /** Counts one more client until `ended` settles. */
  add(ended: Promise<unknown>): void {
    this.#count++;
    const release = () => {
      this.#count--;
    };
    void ended.then(release, release);
  }

  /** From now on there is no room for anybody. */
  close(): void {
    this.#isClosed = true;
  }

  /** Why there is no room for one more client; `undefined` when there is. */
  check(context: Context): Response | undefined {
    if (this.#isClosed) {
      return problemResponse(context, "shutting_down", {
        detail: "Cannot take a client while Runwire stops: try again",
        headers: { "Retry-After": "1" },
      });
    }
    if (this.#count < this.limit) return undefined;
    return problemResponse(context, "too_many_connections", {
      detail: `Cannot take another client: the limit is ${this.limit}`,
      headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
    });
  }
}
