/**
 * The database: SQLite or PostgreSQL, one set of queries (Kysely) for both.
 *
 *   const database = await openDatabase("sqlite:./runwire.db", { clock, serve: true });
 *   await migrate(database);                                          // migrate.ts
 *   const runs = new SqlRunStore(database, clock);                    // run.ts
 *   const repositories = new SqlRepositoryStore(database, clock);     // repository.ts
 *   const journal = new SqlJournal(database, clock);                  // event.ts
 *   const deliveries = new SqlDeliveryStore(database, clock);         // delivery.ts
 *   await database.check();                                           // for /health
 *   await database.close();
 *
 * All throw StorageError when the database cannot be reached, is full or damaged (fault.ts). An adapter takes the Database:
 * `read(db => …)` and `write(tx => …)`; functions that belong into another's transaction take the `Tx`: `mergeRuns(tx, …)`,
 * `mergeRepositories(tx, …)`, `appendEvents(tx, …)`. Many small writes at once go through a GroupWriter (writer.ts).
 */
import { type Kysely, sql, type Transaction } from "kysely";
import { type Clock, waitAtMost } from "../clock.ts";
import { StorageError, UsageError } from "../errors.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { isConflict, toStorageError } from "./engine/error.ts";
import { openPostgres } from "./engine/postgres.ts";
import { openSqlite } from "./engine/sqlite.ts";
import type { Tables } from "./tables.ts";

/** Reads; inside of a transaction or not. */
export type Db = Kysely<Tables>;
/** A transaction that is under way. */
export type Tx = Transaction<Tables>;

/** What a dialect opens: handles, which may be the same, and their end. */
export interface DatabaseHandles {
  readonly kind: "sqlite" | "postgres";
  /** In words, for messages: the file, or the database and its host; never a password. */
  readonly name: string;
  readonly reader: Db;
  readonly writer: Db;
  /** For changes of the schema, which may take long. */
  readonly migrator: Db;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly clock: Clock;
  /** Whether we serve from it: of a SQLite file only one process may, as its clients hear only of its own changes. */
  readonly serve?: boolean;
}

/** Work that is under way may end within this time when the database is closed. */
const CLOSE_TIMEOUT_MS = 4_000;
/** How often a transaction is tried that PostgreSQL has sacrificed to end a deadlock. */
const MAX_ATTEMPTS = 3;

/**
 * Opens `sqlite:./runwire.db`, `sqlite:/absolute/path`, `sqlite::memory:` or `postgres://user:password@host:5432/name`.
 * @throws {UsageError} when there is no such database or it cannot be used
 * @throws {StorageError} when PostgreSQL does not answer
 */
export async function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  const { clock } = options;
  const [scheme] = url.split(":", 1);
  if (scheme === "sqlite") return new Database(await openSqlite(url, options), clock);
  if (scheme === "postgres" || scheme === "postgresql") {
    return new Database(await openPostgres(url, options), clock);
  }
  throw new UsageError(
    "Cannot use the database URL: allowed is sqlite:./FILE, sqlite:/PATH, sqlite::memory: or postgres://HOST/NAME",
  );
}

/** An open database. */
export class Database implements AsyncDisposable {
  readonly kind: "sqlite" | "postgres";
  readonly name: string;
  /** How long reads and transactions take, with their wait. */
  readonly latencies = { read: new LatencyHistogram(), write: new LatencyHistogram() };
  readonly #handles: DatabaseHandles;
  readonly #clock: Clock;
  readonly #pending = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  /** Whose work this one does, and what goes before each of its changes. */
  #wrapped: { readonly database: Database; readonly check: (tx: Tx) => Promise<void> } | undefined;

  constructor(handles: DatabaseHandles, clock: Clock) {
    this.kind = handles.kind;
    this.name = handles.name;
    this.#handles = handles;
    this.#clock = clock;
  }

  /**
   * Reads what is committed; never waits for a write (but in `sqlite::memory:`).
   * @throws {StorageError}
   */
  read<T>(query: (db: Db) => Promise<T>): Promise<T> {
    if (this.#wrapped) return this.#wrapped.database.read(query);
    return this.#track(() => this.latencies.read.time(() => query(this.#handles.reader)));
  }

  /**
   * Runs `change` in a transaction, which is rolled back when it throws. It may be run again, so it must do nothing else.
   * In SQLite transactions run one after the other.
   * @throws {StorageError}
   */
  write<T>(change: (tx: Tx) => Promise<T>): Promise<T> {
    if (!this.#wrapped) {
      const { writer } = this.#handles;
      return this.#track(() => this.latencies.write.time(() => this.#transact(writer, change)));
    }
    const { database, check } = this.#wrapped;
    return database.write(async (tx) => {
      await check(tx);
      return await change(tx);
    });
  }

  /**
   * As `write`, for a change of the schema: its statements may take long.
   * @throws {StorageError}
   */
  migrate<T>(change: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#track(() => this.#transact(this.#handles.migrator, change));
  }

  /** The same database, where `check` begins each transaction: when it throws, nothing is written. */
  checked(check: (tx: Tx) => Promise<void>): Database {
    const checked = new Database(this.#handles, this.#clock);
    checked.#wrapped = { database: this, check };
    return checked;
  }

  /** @throws {StorageError} when the database does not answer */
  async check(): Promise<void> {
    await this.read((db) => sql`select 1`.execute(db));
  }

  /** Lets what is under way come to its end, then closes; within 5 s. */
  close(): Promise<void> {
    return this.#closed ??= this.#wrapped?.database.close() ?? this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StorageError("unavailable", "The database is closed");
    const result = work();
    this.#pending.add(result);
    try {
      return await result;
    } catch (error) {
      throw toStorageError(error, this.name) ?? error;
    } finally {
      this.#pending.delete(result);
    }
  }

  async #transact<T>(handle: Db, change: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await handle.transaction().execute(change);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isConflict(error)) throw error;
      }
    }
  }

  async #close(): Promise<void> {
    const ended = Promise.allSettled(this.#pending).then(() => this.#handles.close());
    await waitAtMost(this.#clock, CLOSE_TIMEOUT_MS, ended);
  }
}
