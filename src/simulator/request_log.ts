export interface LoggedRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** 0 if the connection was cut. */
  readonly status: number;
  /** Whether it had an `If-None-Match`. */
  readonly conditional: boolean;
}

export interface RequestCounts {
  readonly requests: number;
  readonly notModified: number;
  /** Requests that were charged to a primary rate limit. */
  readonly charged: number;
}

/** The latest requests, and total counts. */
export class RequestLog {
  readonly #limit: number;
  #entries: LoggedRequest[] = [];
  #counts: RequestCounts = { requests: 0, notModified: 0, charged: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Oldest first. */
  get entries(): readonly LoggedRequest[] {
    return this.#entries.slice(-this.#limit);
  }

  get counts(): RequestCounts {
    return this.#counts;
  }

  add(entry: LoggedRequest, { charged }: { readonly charged: boolean }): void {
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#limit) this.#entries = this.#entries.slice(-this.#limit);
    this.#counts = {
      requests: this.#counts.requests + 1,
      notModified: this.#counts.notModified + Number(entry.status === 304),
      charged: this.#counts.charged + Number(charged),
    };
  }

  clear(): void {
    this.#entries = [];
    this.#counts = { requests: 0, notModified: 0, charged: 0 };
  }
}
