import type { Context } from "hono";
import { problem } from "./problem.ts";

const RETRY_AFTER_SECONDS = 30;

/** Room for clients that stay connected, by whatever protocol. */
export class Capacity {
  #used = 0;

  /** `limit` is how many there may be at a time. */
  constructor(readonly limit: number) {}

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.limit;
  }

  /** Counts one more client until `ended` settles. */
  take(ended: Promise<unknown>): void {
    this.#used++;
    const release = () => {
      this.#used--;
    };
    void ended.then(release, release);
  }

  /** What a client gets for whom there is no room. */
  refuse(context: Context): Response {
    return problem(context, "too_many_connections", {
      detail: `Cannot take another client: the limit is ${this.limit}`,
      headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
    });
  }
}
