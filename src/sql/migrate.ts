import { sql } from "kysely";
import { type MigrationProvider, Migrator } from "kysely/migration";
import { StorageError, toErrorMessage, UsageError } from "../errors.ts";
import type { Database } from "./database.ts";
import { isTimeout } from "./engine/error.ts";
import type { Db, Tx } from "./handles.ts";
import * as initial from "./migrations/0001_initial.ts";

/** Every change of the schema, in order. Imported by name, so that a bundle contains them. Never change a released one. */
const MIGRATIONS = { "0001_initial": initial };
/** The first migration of versions before the first release; no migration leads from their schema to this one. */
const PRE_RELEASE_MIGRATION = "0001_runs";
const MIGRATION_TABLE = "kysely_migration";
/** A number that other programs are unlikely to lock. */
const ADVISORY_LOCK = 7_233_910_427;

/**
 * Runs the pending migrations, all or none. When several processes start together, one of them migrates and the others wait.
 * Returns the names of the migrations that were run.
 * @throws {UsageError} when the database is newer than this program or was created by a pre-release, or its file is not
 * writable
 * @throws {StorageError} when PostgreSQL does not answer, or another process takes too long
 */
export async function migrate(database: Database): Promise<readonly string[]> {
  try {
    return await database.migrate((tx) => migrateWith(tx, database));
  } catch (error) {
    const isFile = database.kind === "sqlite";
    if (!isFile || !(error instanceof StorageError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

async function migrateWith(tx: Tx, { kind, name }: Database): Promise<readonly string[]> {
  const schema = kind === "postgres" ? await lockPostgres(tx, name) : undefined;
  const executed = await listExecuted(tx, schema);
  if (executed.includes(PRE_RELEASE_MIGRATION)) {
    throw new UsageError(
      `Cannot use the database ${name}: it was created by a pre-release of Runwire; ` +
        "start with a new database",
    );
  }
  const unknown = executed.filter((migration) => !(migration in MIGRATIONS));
  if (unknown.length > 0) {
    throw new UsageError(
      `Cannot use the database ${name}: it was changed by a newer version of Runwire ` +
        `(${unknown.join(", ")}); use that version or a newer one`,
    );
  }
  const provider: MigrationProvider = { getMigrations: () => Promise.resolve(MIGRATIONS) };
  const migrator = new Migrator({
    db: tx,
    provider,
    migrationTableName: MIGRATION_TABLE,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results.find(({ status }) => status === "Error")?.migrationName ?? "a migration";
    throw new Error(
      `Cannot migrate the database ${name}: ${failed} failed: ${toErrorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
  return results.map(({ migrationName }) => migrationName);
}

/**
 * Locks the migrations of a PostgreSQL database until the transaction ends, so that no instance can start. Holders of a shared
 * lock do not wait for each other.
 */
export async function lockMigrations(tx: Tx, { isShared = false } = {}): Promise<void> {
  const lock = sql.raw(isShared ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock");
  await sql`select ${lock}(${sql.lit(ADVISORY_LOCK)})`.execute(tx);
}

type SchemaState = "empty" | "pre_release" | "older" | "current" | "newer";

/** Compares the schema with the migrations this program knows; `empty` before the first migration. */
export async function schemaState(
  database: Database,
  known: readonly string[] = Object.keys(MIGRATIONS),
): Promise<SchemaState> {
  const executed = await database.read((db) => listExecuted(db));
  if (executed.includes(PRE_RELEASE_MIGRATION)) return "pre_release";
  if (executed.some((name) => !known.includes(name))) return "newer";
  if (executed.length === 0) return "empty";
  return executed.length < known.length ? "older" : "current";
}

/** Waits for the lock, as long as a migration may take. Returns the schema in which tables are created. */
async function lockPostgres(tx: Tx, database: string): Promise<string> {
  try {
    await lockMigrations(tx);
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new StorageError(
      "unavailable",
      `Cannot use the database ${database}: another instance is still migrating or copying it`,
      { cause: error },
    );
  }
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(tx);
  const name = rows[0]?.name;
  if (!name) {
    throw new UsageError(
      "Cannot use the PostgreSQL database: its search_path names no existing schema",
    );
  }
  return name;
}

async function listExecuted(tx: Db, schema?: string): Promise<readonly string[]> {
  const tables = await tx.introspection.getTables({ withInternalKyselyTables: true });
  const exists = tables.some((table) =>
    table.name === MIGRATION_TABLE && (schema === undefined || table.schema === schema)
  );
  if (!exists) return [];
  const { rows } = await sql<{ name: string }>`select name from ${
    sql.table(MIGRATION_TABLE)
  } order by name`
    .execute(tx);
  return rows.map(({ name }) => name);
}
