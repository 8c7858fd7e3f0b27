import type { Clock } from "../clock.ts";
import { StorageError } from "../errors.ts";
import { type Query, Reader, type ReaderOptions, type Rows } from "./reader.ts";

export interface ReadersOptions extends ReaderOptions {
  readonly clock: Clock;
  /** How many threads. */
  readonly count?: number;
}

/** One goes on with what is quick while another is busy with what is not; and small machines have two cores. */
const READERS = 2;
/** So that a reader need not wait for the main thread between two, while it commits; and few wait behind a slow one. */
const MAX_LOAD = 4;
/** What may wait for a reader: a second of lists at the least. */
const MAX_WAITING = 1_000;
/** A read may take this long, with its wait: as long as one of PostgreSQL (postgres.ts). */
const LIMIT_MS = 10_000;
const CHECK_MS = 1_000;

interface Read extends Query {
  readonly answer: PromiseWithResolvers<Rows>;
  /** How many checks it has lived through. */
  age: number;
  /** Who runs it. */
  reader?: Reader;
}

/** Hands queries to Readers of one SQLite file, and gives up on those that take too long. */
export class Readers {
  readonly #readers: readonly Reader[];
  readonly #waiting: Read[] = [];
  /** Those that are neither answered nor given up. */
  readonly #open = new Set<Read>();
  /** Those that run what was given up: they get nothing new until it has come to its end. */
  readonly #late = new Set<Reader>();
  readonly #stopChecking: () => void;

  private constructor(readers: readonly Reader[], clock: Clock) {
    this.#readers = readers;
    this.#stopChecking = clock.every(CHECK_MS, () => this.#check());
  }

  /** @throws what node:sqlite throws when the file cannot be read */
  static async open(
    path: string,
    { clock, count = READERS, ...options }: ReadersOptions,
  ): Promise<Readers> {
    const opened = await Promise.allSettled(
      Array.from({ length: count }, () => Reader.open(path, options)),
    );
    const readers = opened.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    const failed = opened.find((each) => each.status === "rejected");
    if (!failed) return new Readers(readers, clock);
    await Promise.all(readers.map((reader) => reader.close()));
    throw failed.reason;
  }

  /** @throws what node:sqlite throws, or {StorageError} when it takes too long or too many wait */
  query(query: Query): Promise<Rows> {
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new StorageError("unavailable", "Too many reads wait already"));
    }
    const read: Read = { ...query, answer: Promise.withResolvers(), age: 0 };
    this.#open.add(read);
    this.#waiting.push(read);
    this.#handOut();
    return read.answer.promise;
  }

  /** Closes the file when what is under way is answered, but for what was given up. */
  async close(): Promise<void> {
    this.#stopChecking();
    const late = [...this.#late];
    for (const reader of late) reader.end();
    const others = this.#readers.filter((reader) => !late.includes(reader));
    await Promise.allSettled(others.map((reader) => reader.close()));
  }

  #handOut(): void {
    for (let reader = this.#free(); reader && this.#waiting.length > 0; reader = this.#free()) {
      const read = this.#waiting.shift();
      if (read && this.#open.has(read)) void this.#run(read, reader);
    }
  }

  /** The one that has least to do. */
  #free(): Reader | undefined {
    const [least] = this.#readers
      .filter((reader) => !this.#late.has(reader) && !reader.isLost && reader.load < MAX_LOAD)
      .sort((a, b) => a.load - b.load);
    // Of lost ones any can say so.
    return least ?? (this.#readers.every(({ isLost }) => isLost) ? this.#readers[0] : undefined);
  }

  async #run(read: Read, reader: Reader): Promise<void> {
    read.reader = reader;
    try {
      read.answer.resolve(await reader.query(read));
    } catch (error) {
      read.answer.reject(error);
    }
    this.#open.delete(read);
    this.#late.delete(reader);
    this.#handOut();
  }

  #check(): void {
    for (const read of this.#open) {
      if (++read.age <= LIMIT_MS / CHECK_MS) continue;
      this.#open.delete(read);
      if (read.reader) this.#late.add(read.reader);
      read.answer.reject(new StorageError("unavailable", "A read took too long"));
    }
  }
}
