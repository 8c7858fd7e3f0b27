/**
 * The database: SQLite or PostgreSQL, with one set of queries (Kysely) for both.
 *
 *   const database = await openDatabase("sqlite:./runwire.db", { clock, serve: true });
 *   await migrate(database);                                          // migrate.ts
 *   const runs = new SqlRunStore(database, clock);                    // run/run.ts
 *   const repositories = new SqlRepositoryStore(database, clock);     // repository.ts
 *   const eventLog = new SqlEventLog(database, clock);                // event_log.ts
 *   const deliveries = new SqlDeliveryStore(database, clock);         // delivery/delivery.ts
 *   await database.check();                                           // for /health
 *   await database.close();
 *
 * All of them throw StorageError when the database is unreachable, full or damaged (engine/error.ts). A store takes the
 * Database and calls `read(db => …)` and `write(tx => …)`; functions that run inside the transaction of a store take the `Tx`:
 * `mergeRuns(tx, …)`, `mergeRepositories(tx, …)`, `appendEvents(tx, …)`. Frequent small writes go through a GroupCommit
 * (engine/group_commit.ts).
 */
import { sql } from "kysely";
import { type Clock, waitAtMost } from "../clock.ts";
import { invalid } from "../error_text.ts";
import { StorageError, UsageError } from "../errors.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { isConflict, toStorageError } from "./engine/error.ts";
import { openPostgres } from "./engine/postgres.ts";
import { openSqlite } from "./engine/sqlite.ts";
import type { DatabaseHandles, DatabaseKind, DatabaseOptions, Db, Tx } from "./handles.ts";

/** How long closing waits for pending work. */
const CLOSE_TIMEOUT_MS = 4_000;
/** How often a transaction is tried that PostgreSQL rolls back because of a conflict. */
const MAX_ATTEMPTS = 3;

/**
 * Opens `sqlite:./runwire.db`, `sqlite:/absolute/path`, `sqlite::memory:` or `postgres://user:password@host:5432/name`.
 * @throws {UsageError} when the database does not exist or cannot be used
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
    invalid(
      "database URL",
      "sqlite:./FILE, sqlite:/PATH, sqlite::memory: or postgres://HOST/NAME",
    ),
  );
}

/** An open database. */
export class Database implements AsyncDisposable {
  readonly kind: DatabaseKind;
  readonly name: string;
  /** Durations of reads and transactions, including queueing. */
  readonly latencies = { read: new LatencyHistogram(), write: new LatencyHistogram() };
  readonly #handles: DatabaseHandles;
  readonly #clock: Clock;
  readonly #pending = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  /** Set by `checked`: the database that does the work, and the check that starts each transaction. */
  #wrapped: { readonly database: Database; readonly check: (tx: Tx) => Promise<void> } | undefined;

  constructor(handles: DatabaseHandles, clock: Clock) {
    this.kind = handles.kind;
    this.name = handles.name;
    this.#handles = handles;
    this.#clock = clock;
  }

  /**
   * Reads committed data. Never waits for a write, except in `sqlite::memory:`.
   * @throws {StorageError}
   */
  read<T>(query: (db: Db) => Promise<T>): Promise<T> {
    if (this.#wrapped) return this.#wrapped.database.read(query);
    return this.#track(() => this.latencies.read.time(() => query(this.#handles.reader)));
  }

  /**
   * Runs `change` in a transaction, which is rolled back when it throws. `change` may run more than once, so it must have no
   * other effects. SQLite runs one transaction at a time.
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
   * Like `write`, for schema changes: their statements may take long.
   * @throws {StorageError}
   */
  migrate<T>(change: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#track(() => this.#transact(this.#handles.migrator, change));
  }

  /** Returns this database with `check` at the start of each transaction: if it throws, nothing is written. */
  checked(check: (tx: Tx) => Promise<void>): Database {
    const checked = new Database(this.#handles, this.#clock);
    checked.#wrapped = { database: this, check };
    return checked;
  }

  /** @throws {StorageError} when the database does not answer */
  async check(): Promise<void> {
    await this.read((db) => sql`select 1`.execute(db));
  }

  /** Waits for pending work, then closes; takes at most 5 s. */
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
