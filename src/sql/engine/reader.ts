import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { StorageError } from "../../errors.ts";
import program from "./reader_worker.js" with { type: "text" };

export interface Query {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
}

export interface Rows {
  readonly columns: readonly string[];
  /** The values of each row, in the order of `columns`. */
  readonly rows: readonly (readonly SQLOutputValue[])[];
}

/** A reply of the Worker. Replies have the order of the requests. */
interface WorkerReply {
  readonly result?: Rows;
  readonly error?: { readonly message: string; readonly code?: string };
}

export interface ReaderOptions {
  /** How long it waits for a lock, in ms. */
  readonly timeout: number;
  /** The JavaScript source of the Worker. */
  readonly program?: string;
}

/**
 * Reads from a SQLite file on its own thread, because node:sqlite is synchronous. A running query cannot be cancelled:
 * node:sqlite has no interrupt, and a Worker ends only when its current call returns.
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
    // Only `data:` URLs work from source, in a bundle and in an executable: https://github.com/denoland/deno/issues/23431
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

  /** The number of unanswered requests. */
  get load(): number {
    return this.#pending.length;
  }

  get isLost(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws what node:sqlite throws, or {StorageError} when the Worker has ended */
  async query({ sql, parameters }: Query): Promise<Rows> {
    return await this.#request({ sql, parameters }) ?? { columns: [], rows: [] };
  }

  /** Closes the file after the pending queries, then ends the Worker. */
  async close(): Promise<void> {
    try {
      await this.#request(null);
    } finally {
      this.end();
    }
  }

  /** Ends the Worker at once, or after a running query. */
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
