import type { Context } from "hono";
import { problem } from "./problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Room for clients that stay connected, by whatever protocol. */
export class Capacity {
  #used = 0;
  #isClosed = false;

  /** `limit` is how many there may be at a time. */
  constructor(readonly limit: number) {}

  get used(): number {
    return this.#used;
  }

  /** Counts one more client until `ended` settles. */
  take(ended: Promise<unknown>): void {
    this.#used++;
    const release = () => {
      this.#used--;
    };
    void ended.then(release, release);
  }

  /** From now on there is no room for anybody. */
  close(): void {
    this.#isClosed = true;
  }

  /** Why there is no room for one more client; `undefined` when there is. */
  refuse(context: Context): Response | undefined {
    if (this.#isClosed) {
      return problem(context, "stopping", {
        detail: "Cannot take a client while Runwire stops: try again",
        headers: { "Retry-After": "1" },
      });
    }
    if (this.#used < this.limit) return undefined;
    return problem(context, "too_many_connections", {
      detail: `Cannot take another client: the limit is ${this.limit}`,
      headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
    });
  }
}
