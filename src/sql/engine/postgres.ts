import { Kysely, PostgresAdapter, PostgresDialect } from "kysely";
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
// @ts-types="@types/pg"
import pg from "pg";
import { toErrorMessage, UsageError } from "../../errors.ts";
import { log } from "../../log.ts";
import type { DatabaseHandles, Db } from "../database.ts";
import { toStorageError } from "./error.ts";
import { CurrentSchemaIntrospector } from "./postgres_introspector.ts";
import { MARK_SERVING_SQL } from "../served.ts";
import type { Tables } from "../tables.ts";

export interface PostgresLimits {
  readonly connections: number;
  /** To wait for a free connection, and to make one. */
  readonly connectMs: number;
  /** When the server gives up a statement. */
  readonly statementMs: number;
  /** When we do. */
  readonly answerMs: number;
  /** When the server gives up a statement of a migration, or its wait for those of others. */
  readonly migrationMs: number;
}

export interface PostgresOptions {
  readonly limits?: PostgresLimits;
  /** Whether we serve from it, which served.ts can tell then. */
  readonly serve?: boolean;
}

/** The answer may be a little later than the statement: the server has had its chance to say so. */
const DEFAULT_LIMITS = {
  connections: 10,
  connectMs: 5_000,
  statementMs: 10_000,
  answerMs: 12_000,
  migrationMs: 10 * 60_000,
};

/**
 * Opens `postgres://…`, over `pg` and not over `postgres`, whose pool never recovers when the server ends a connection
 * (https://github.com/porsager/postgres/issues/1199).
 * @throws {UsageError} when there is no such database, or we are not let in
 * @throws {StorageError} when it does not answer
 */
export async function openPostgres(
  url: string,
  { limits = DEFAULT_LIMITS, serve = false }: PostgresOptions = {},
): Promise<DatabaseHandles> {
  const name = displayName(url);
  const pool = newPool(url, limits, {
    // By a connection others see that we serve.
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
    // Who starts again later may find it.
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
  // A connection that breaks while nothing waits for it says so here; the pool replaces it.
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

/** Ids, counts and times fit into a number, in SQLite too; all else is read as `pg` does. */
function getTypeParser(...[type, format]: Parameters<typeof pg.types.getTypeParser>) {
  return type === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(type, format);
}

/** Waiting for the lock is migrate()'s part, which holds it to the end of the transaction. */
class NoLockDialect extends PostgresDialect {
  override createAdapter() {
    return new NoLockAdapter();
  }

  // deno-lint-ignore no-explicit-any -- as Kysely hands it over
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
 * The pool, but for connections on which the server did not answer: they are asked nothing more, not even to roll back, and
 * closed instead of being given out again.
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
  /** Why the connection is no longer used. */
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

/** In words, without user, password and options. */
function displayName(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `"${decodeURIComponent(pathname.slice(1))}" on ${host || "localhost"}`;
  } catch {
    throw new UsageError(
      "Cannot use the database URL: allowed is postgres://USER:PASSWORD@HOST:5432/NAME",
    );
  }
}
