import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { StorageError } from "../../errors.ts";
import program from "./reader_worker.js" with { type: "text" };

export interface Query {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
}

export interface Rows {
  readonly columns: readonly string[];
  /** The values of each, in the order of `columns`. */
  readonly rows: readonly (readonly SQLOutputValue[])[];
}

/** What comes from the Worker, in the order of what it was asked. */
interface WorkerReply {
  readonly result?: Rows;
  readonly error?: { readonly message: string; readonly code?: string };
}

export interface ReaderOptions {
  /** How long it waits for a lock, in ms. */
  readonly timeout: number;
  /** What the Worker runs, as JavaScript. */
  readonly program?: string;
}

/**
 * Reads from a SQLite file on a thread of its own, as node:sqlite is synchronous. A query that runs cannot be broken off:
 * node:sqlite has no interrupt, and a Worker ends only when the call that it is in returns.
 */
export class Reader {
  readonly #worker: Worker;
  readonly #pending: PromiseWithResolvers<Rows | undefined>[] = [];
  #failure: StorageError | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.#onReply(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  /** @throws what node:sqlite throws when the file cannot be read */
  static async open(path: string, options: ReaderOptions): Promise<Reader> {
    const { timeout } = options;
    // Alone `data:` works from source, in a bundle and in an executable: https://github.com/denoland/deno/issues/23431
    const url = `data:text/javascript,${encodeURIComponent(options.program ?? program)}`;
    const reader = new Reader(new Worker(url, { type: "module", name: "reader" }));
    try {
      await reader.#request({ path, timeout });
      return reader;
    } catch (error) {
      reader.end();
      throw error;
    }
  }

  /** How many queries it has not answered yet. */
  get load(): number {
    return this.#pending.length;
  }

  get isLost(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws what node:sqlite throws, or {StorageError} when the Worker is gone */
  async query({ sql, parameters }: Query): Promise<Rows> {
    return await this.#request({ sql, parameters }) ?? { columns: [], rows: [] };
  }

  /** Closes the file after what was asked before, then ends. */
  async close(): Promise<void> {
    try {
      await this.#request(null);
    } finally {
      this.end();
    }
  }

  /** Ends at once, but for a query that runs. */
  end(): void {
    this.#worker.terminate();
    this.#fail("the database is closed");
  }

  #request(message: unknown): Promise<Rows | undefined> {
    if (this.#failure) return Promise.reject(this.#failure);
    const reply = Promise.withResolvers<Rows | undefined>();
    this.#worker.postMessage(message);
    this.#pending.push(reply);
    return reply.promise;
  }

  #onReply({ result, error }: WorkerReply): void {
    const pending = this.#pending.shift();
    if (error) pending?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else pending?.resolve(result);
  }

  #fail(reason: string): void {
    this.#failure ??= new StorageError("unavailable", `Cannot read from the database: ${reason}`);
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }
}
