import { ProblemError, toProblemError } from "../problem.ts";

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

  /** @throws {ProblemError} `shutting_down` or `too_many_connections` */
  check(): void {
    if (this.#isClosed) {
      throw toProblemError("shutting_down", { "Retry-After": "1" });
    }
    if (this.#count < this.limit) return;
    throw new ProblemError(
      "too_many_connections",
      `Too many connections: the limit is ${this.limit}`,
      { "Retry-After": String(RETRY_AFTER_SECONDS) },
    );
  }
}
