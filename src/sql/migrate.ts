import { sql } from "kysely";
import { type MigrationProvider, Migrator } from "kysely/migration";
import { StorageError, toErrorMessage, UsageError } from "../errors.ts";
import type { Database, Db, Tx } from "./database.ts";
import { isTimeout } from "./engine/error.ts";
import * as runs from "./migrations/0001_runs.ts";
import * as events from "./migrations/0002_events.ts";
import * as deliveries from "./migrations/0003_deliveries.ts";
import * as waitingDeliveries from "./migrations/0004_waiting_deliveries.ts";
import * as history from "./migrations/0005_history.ts";
import * as statistics from "./migrations/0006_statistics.ts";
import * as catalog from "./migrations/0007_catalog.ts";
import * as backfill from "./migrations/0008_backfill.ts";
import * as coveringIndexes from "./migrations/0009_covering_indexes.ts";
import * as accounts from "./migrations/0010_accounts.ts";
import * as messages from "./migrations/0011_messages.ts";
import * as leases from "./migrations/0012_leases.ts";

/** Every change of the schema, in order; imported by name, so that a bundle holds them. Never change one that was released. */
const MIGRATIONS = {
  "0001_runs": runs,
  "0002_events": events,
  "0003_deliveries": deliveries,
  "0004_waiting_deliveries": waitingDeliveries,
  "0005_history": history,
  "0006_statistics": statistics,
  "0007_catalog": catalog,
  "0008_backfill": backfill,
  "0009_covering_indexes": coveringIndexes,
  "0010_accounts": accounts,
  "0011_messages": messages,
  "0012_leases": leases,
};
const MIGRATION_TABLE = "kysely_migration";
/** Any number that no other program would lock. */
const ADVISORY_LOCK = 7_233_910_427;

/**
 * Brings the schema up to date, all or nothing. Of several processes that start together one does it and the others wait.
 * Returns the names of the migrations that were run.
 * @throws {UsageError} when the database is newer than this program, or is a file that cannot be written
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
  const unknown = (await listExecuted(tx, schema)).filter((migration) =>
    !(migration in MIGRATIONS)
  );
  if (unknown.length > 0) {
    throw new UsageError(
      `Cannot use the database ${name}: a newer Runwire has changed it (${unknown.join(", ")}), ` +
        "use that version or a newer one",
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
    throw new Error(`Cannot change the database ${name} by ${failed}: ${toErrorMessage(error)}`, {
      cause: error,
    });
  }
  return results.map(({ migrationName }) => migrationName);
}

/** Of PostgreSQL, to the end of the transaction: no program starts meanwhile. Those that share it do not wait for each other. */
export async function lockMigrations(tx: Tx, { isShared = false } = {}): Promise<void> {
  const lock = sql.raw(isShared ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock");
  await sql`select ${lock}(${sql.lit(ADVISORY_LOCK)})`.execute(tx);
}

/** How the schema stands to what this program knows; `empty` before the first migration. */
export async function schemaState(
  database: Database,
): Promise<"empty" | "older" | "current" | "newer"> {
  const done = await database.read((db) => listExecuted(db));
  if (done.some((name) => !(name in MIGRATIONS))) return "newer";
  if (done.length === 0) return "empty";
  return done.length < Object.keys(MIGRATIONS).length ? "older" : "current";
}

/** Waits for its turn, as long as a migration may take. Returns the schema in which tables are created. */
async function lockPostgres(tx: Tx, database: string): Promise<string> {
  try {
    await lockMigrations(tx);
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new StorageError(
      "unavailable",
      `Cannot use the database ${database}: another Runwire has not ended its migrations, ` +
        "or a copy of it, in time",
      { cause: error },
    );
  }
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(tx);
  const name = rows[0]?.name;
  if (!name) throw new UsageError("Cannot use the PostgreSQL schema: its search_path names none");
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
