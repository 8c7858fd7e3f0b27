import type { Clock } from "../../clock.ts";
import { StorageError } from "../../errors.ts";
import { type Query, Reader, type ReaderOptions, type Rows } from "./reader.ts";

export interface ReaderPoolOptions extends ReaderOptions {
  readonly clock: Clock;
  /** The number of threads. */
  readonly count?: number;
}

/** Quick queries continue on one thread while a slow one runs on the other. Small machines have two cores. */
const DEFAULT_READERS = 2;
/**
 * Requests per reader: more than one, so that a reader does not idle while the main thread commits; few, so that few wait behind
 * a slow query.
 */
const MAX_LOAD = 4;
/** Queued queries: at least a second of list queries. */
const MAX_WAITING = 1_000;
/** The limit of a read including queueing, the same as for PostgreSQL (postgres.ts). */
const READ_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;

interface PendingRead extends Query {
  readonly result: PromiseWithResolvers<Rows>;
  /** The number of timeout checks since it was queued. */
  age: number;
  /** The reader it was sent to. */
  reader?: Reader;
}

/** Distributes queries to the readers of a SQLite file, and rejects slow reads. */
export class ReaderPool {
  readonly #readers: readonly Reader[];
  readonly #waiting: PendingRead[] = [];
  /** Reads that are neither answered nor timed out. */
  readonly #unanswered = new Set<PendingRead>();
  /** Readers that run a timed-out query: they get no new query until it ends. */
  readonly #overdue = new Set<Reader>();
  readonly #stopChecking: () => void;

  private constructor(readers: readonly Reader[], clock: Clock) {
    this.#readers = readers;
    this.#stopChecking = clock.every(CHECK_INTERVAL_MS, () => this.#checkTimeouts());
  }

  /** @throws what node:sqlite throws when the file cannot be read */
  static async open(
    path: string,
    { clock, count = DEFAULT_READERS, ...options }: ReaderPoolOptions,
  ): Promise<ReaderPool> {
    const opened = await Promise.allSettled(
      Array.from({ length: count }, () => Reader.open(path, options)),
    );
    const readers = opened.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    const failed = opened.find((each) => each.status === "rejected");
    if (!failed) return new ReaderPool(readers, clock);
    await Promise.all(readers.map((reader) => reader.close()));
    throw failed.reason;
  }

  /** @throws what node:sqlite throws, or {StorageError} when the read takes too long or too many are queued */
  query(query: Query): Promise<Rows> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new StorageError("unavailable", "Too many queued reads"));
    }
    const read: PendingRead = { ...query, result: Promise.withResolvers(), age: 0 };
    this.#unanswered.add(read);
    this.#waiting.push(read);
    this.#dispatch();
    return read.result.promise;
  }

  /** Closes the file after the pending queries, except timed-out ones. */
  async close(): Promise<void> {
    this.#stopChecking();
    const overdue = [...this.#overdue];
    for (const reader of overdue) reader.end();
    const others = this.#readers.filter((reader) => !overdue.includes(reader));
    await Promise.allSettled(others.map((reader) => reader.close()));
  }

  #dispatch(): void {
    for (
      let reader = this.#leastLoaded();
      reader && this.#waiting.length > 0;
      reader = this.#leastLoaded()
    ) {
      const read = this.#waiting.shift();
      if (read && this.#unanswered.has(read)) void this.#run(read, reader);
    }
  }

  /** The reader with the fewest requests. */
  #leastLoaded(): Reader | undefined {
    const [least] = this.#readers
      .filter((reader) => !this.#overdue.has(reader) && !reader.isLost && reader.load < MAX_LOAD)
      .sort((a, b) => a.load - b.load);
    // If all readers are lost, any of them reports it.
    return least ?? (this.#readers.every(({ isLost }) => isLost) ? this.#readers[0] : undefined);
  }

  async #run(read: PendingRead, reader: Reader): Promise<void> {
    read.reader = reader;
    try {
      read.result.resolve(await reader.query(read));
    } catch (error) {
      read.result.reject(error);
    }
    this.#unanswered.delete(read);
    this.#overdue.delete(reader);
    this.#dispatch();
  }

  #checkTimeouts(): void {
    for (const read of this.#unanswered) {
      if (++read.age <= READ_TIMEOUT_MS / CHECK_INTERVAL_MS) continue;
      this.#unanswered.delete(read);
      if (read.reader) this.#overdue.add(read.reader);
      read.result.reject(new StorageError("unavailable", "A read took too long"));
    }
  }
}
