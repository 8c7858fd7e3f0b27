import type { Clock } from "../../clock.ts";
import { StorageError } from "../../errors.ts";
import { type Query, Reader, type ReaderOptions, type Rows } from "./reader.ts";

export interface ReaderPoolOptions extends ReaderOptions {
  readonly clock: Clock;
  /** How many threads. */
  readonly count?: number;
}

/** One goes on with what is quick while another is busy with what is not; and small machines have two cores. */
const DEFAULT_READERS = 2;
/** So that a reader need not wait for the main thread between two, while it commits; and few wait behind a slow one. */
const MAX_LOAD = 4;
/** What may wait for a reader: a second of lists at the least. */
const MAX_WAITING = 1_000;
/** A read may take this long, with its wait: as long as one of PostgreSQL (postgres.ts). */
const READ_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;

interface PendingRead extends Query {
  readonly result: PromiseWithResolvers<Rows>;
  /** How many checks it has lived through. */
  age: number;
  /** Who runs it. */
  reader?: Reader;
}

/** Hands queries to Readers of one SQLite file, and gives up on those that take too long. */
export class ReaderPool {
  readonly #readers: readonly Reader[];
  readonly #waiting: PendingRead[] = [];
  /** Those that are neither answered nor given up. */
  readonly #unanswered = new Set<PendingRead>();
  /** Those that run what was given up: they get nothing new until it has come to its end. */
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

  /** @throws what node:sqlite throws, or {StorageError} when it takes too long or too many wait */
  query(query: Query): Promise<Rows> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new StorageError("unavailable", "Too many reads wait already"));
    }
    const read: PendingRead = { ...query, result: Promise.withResolvers(), age: 0 };
    this.#unanswered.add(read);
    this.#waiting.push(read);
    this.#dispatch();
    return read.result.promise;
  }

  /** Closes the file when what is under way is answered, but for what was given up. */
  async close(): Promise<void> {
    this.#stopChecking();
    const overdue = [...this.#overdue];
    for (const reader of overdue) reader.end();
    const remaining = this.#readers.filter((reader) => !overdue.includes(reader));
    await Promise.allSettled(remaining.map((reader) => reader.close()));
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

  /** The one that has least to do. */
  #leastLoaded(): Reader | undefined {
    const [least] = this.#readers
      .filter((reader) => !this.#overdue.has(reader) && !reader.isLost && reader.load < MAX_LOAD)
      .sort((a, b) => a.load - b.load);
    // Of lost ones any can say so.
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
