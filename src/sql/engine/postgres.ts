import {
  Kysely,
  PostgresAdapter,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
  sql,
} from "kysely";
// @ts-types="@types/pg"
import pg from "pg";
import { invalid } from "../../error_text.ts";
import { toErrorMessage, UsageError } from "../../errors.ts";
import { log } from "../../log.ts";
import type { DatabaseHandles, Db } from "../handles.ts";
import type { Tables } from "../tables.ts";
import { toStorageError } from "./error.ts";
import { CurrentSchemaIntrospector } from "./postgres_introspector.ts";

/** Timeouts in ms. */
interface PostgresLimits {
  readonly connections: number;
  /** For a free connection, or a new one. */
  readonly connectMs: number;
  /** After which the server cancels a statement. */
  readonly statementMs: number;
  /** After which the client stops waiting for an answer. */
  readonly answerMs: number;
  /** After which the server cancels a statement of a migration, including its wait for the lock. */
  readonly migrationMs: number;
}

interface PostgresOptions {
  readonly limits?: PostgresLimits;
  /** Whether a server uses the database, so that isServed() returns true. */
  readonly serve?: boolean;
}

/** `answerMs` is longer than `statementMs`, so that the server can report the timeout first. */
const DEFAULT_LIMITS = {
  connections: 10,
  connectMs: 5_000,
  statementMs: 10_000,
  answerMs: 12_000,
  migrationMs: 10 * 60_000,
};

/** The application name of a server's connections, with its schema. PostgreSQL truncates names to 63 bytes. */
const SERVING_APPLICATION_NAME = "left('runwire serve in ' || current_schema(), 63)";
/** Marks a connection as a server's for as long as it is open. */
const MARK_SERVING_SQL =
  `select set_config('application_name', ${SERVING_APPLICATION_NAME}, false)`;

/** Whether a server uses this schema of PostgreSQL. Every role can see the application names of connections. */
export async function isServed(db: Db): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_stat_activity
    where datname = current_database() and application_name = ${sql.raw(SERVING_APPLICATION_NAME)}
    limit 1`.execute(db);
  return rows.length > 0;
}

/**
 * Opens `postgres://…` with `pg`. The pool of the `postgres` package does not recover when the server closes a connection
 * (https://github.com/porsager/postgres/issues/1199).
 * @throws {UsageError} when the database does not exist or rejects the login
 * @throws {StorageError} when it does not answer
 */
export async function openPostgres(
  url: string,
  { limits = DEFAULT_LIMITS, serve = false }: PostgresOptions = {},
): Promise<DatabaseHandles> {
  const name = displayName(url);
  const pool = newPool(url, limits, {
    // One connection stays open, so that isServed() sees it.
    min: serve ? 1 : 0,
    ...(serve ? { onConnect: (client) => client.query(MARK_SERVING_SQL) } : {}),
  });
  const { migrationMs: statementMs } = limits;
  const answerMs = statementMs + limits.answerMs;
  const migrationPool = newPool(url, { ...limits, connections: 1, statementMs, answerMs });
  const handle = createHandle(pool);
  try {
    await pool.query("select 1");
  } catch (error) {
    await pool.end();
    // A StorageError if the database may be reachable later.
    throw toStorageError(error, name) ??
      new UsageError(`Cannot use the database ${name}: ${toErrorMessage(error)}`, { cause: error });
  }
  return {
    kind: "postgres",
    name,
    reader: handle,
    writer: handle,
    migrator: createHandle(migrationPool),
    async close() {
      await Promise.all([pool.end(), migrationPool.end()]);
    },
  };
}

function newPool(url: string, limits: PostgresLimits, options: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: "runwire",
    max: limits.connections,
    connectionTimeoutMillis: limits.connectMs,
    statement_timeout: limits.statementMs,
    query_timeout: limits.answerMs,
    idle_in_transaction_session_timeout: limits.answerMs,
    keepAlive: true,
    types: { getTypeParser },
    ...options,
  });
  const logger = log("database");
  // An idle connection was lost; the pool replaces it.
  pool.on(
    "error",
    (error) => logger.debug("Lost a connection: {reason}", { reason: error.message }),
  );
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

function createHandle(pool: pg.Pool): Db {
  return new Kysely<Tables>({ dialect: new NoLockDialect({ pool: discardLostConnections(pool) }) });
}

/** Returns bigint columns as numbers, as SQLite does: ids, counts and times are small enough. */
function getTypeParser(...[type, format]: Parameters<typeof pg.types.getTypeParser>) {
  return type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format);
}

/** Takes no migration lock: migrate() holds it until the end of the transaction. */
class NoLockDialect extends PostgresDialect {
  override createAdapter() {
    return new NoLockAdapter();
  }

  // deno-lint-ignore no-explicit-any -- the type that Kysely declares
  override createIntrospector(db: Kysely<any>) {
    return new CurrentSchemaIntrospector(db);
  }
}

class NoLockAdapter extends PostgresAdapter {
  override acquireMigrationLock(): Promise<void> {
    return Promise.resolve();
  }

  override releaseMigrationLock(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Returns a pool that does not reuse a connection on which the server did not answer: it sends nothing more on it, not even a
 * rollback, and closes it.
 */
function discardLostConnections(pool: PostgresPool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => new DiscardOnLossClient(await pool.connect()),
    end: () => pool.end(),
  };
}

class DiscardOnLossClient implements PostgresPoolClient {
  readonly #client: PostgresPoolClient;
  /** Set when the connection must no longer be used. */
  #connectionError: Error | undefined;

  constructor(client: PostgresPoolClient) {
    this.#client = client;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(sql: string | PostgresCursor<R>, parameters: readonly unknown[] = []) {
    return typeof sql === "string" ? this.#query<R>(sql, parameters) : this.#client.query(sql);
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#connectionError !== undefined);
  }

  async #query<R>(sql: string, parameters: readonly unknown[]) {
    if (this.#connectionError) throw this.#connectionError;
    try {
      return await this.#client.query<R>(sql, parameters);
    } catch (error) {
      if (error instanceof Error && !(error instanceof pg.DatabaseError)) {
        this.#connectionError = error;
      }
      throw error;
    }
  }
}

/** Names the database and its host, without user, password and options. */
function displayName(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `"${decodeURIComponent(pathname.slice(1))}" on ${host || "localhost"}`;
  } catch {
    throw new UsageError(invalid("database URL", "postgres://USER:PASSWORD@HOST:5432/NAME"));
  }
}
