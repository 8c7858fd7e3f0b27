import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import { advanceSequence, countRows, insertRows, readRows, type Row } from "./copy_rows.ts";
import { type Database, openDatabase } from "./database.ts";
import { yieldToEventLoop } from "./engine/group_commit.ts";
import { isServed } from "./engine/postgres.ts";
import { readTables, type TableDefinition } from "./engine/table_catalog.ts";
import type { Db, Tx } from "./handles.ts";
import { lockMigrations, migrate, schemaState } from "./migrate.ts";
import type { Tables } from "./tables.ts";

/** Tables that belong to the database itself: its name, its lease, and the instances with clients. */
const EXCLUDED_TABLES: readonly string[] = [
  "installation",
  "leases",
  "presences",
] satisfies readonly (
  keyof Tables
)[];

interface CopyOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Reports the number of copied rows of all tables. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

interface CopiedTable {
  readonly name: string;
  /** The number of rows, in both databases. */
  readonly rows: number;
}

/**
 * Opens a database that no server uses. A SQLite file is locked against servers while it is open; for PostgreSQL, copyDatabase()
 * checks.
 * @throws {UsageError}
 */
export function openForCopy(url: string, clock: Clock): Promise<Database> {
  return openDatabase(url, { clock, serve: url.startsWith("sqlite:") });
}

/**
 * Copies all tables into an empty database, except generated columns and indexes. One transaction reads and one writes, so a
 * failure or interruption leaves the target empty.
 * @throws {UsageError} when the target is not empty, a server uses either database, or their versions differ
 */
export async function copyDatabase(
  source: Database,
  target: Database,
  options: CopyOptions,
): Promise<readonly CopiedTable[]> {
  await checkVersion(source, "from");
  if (await schemaState(target) !== "empty") await checkVersion(target, "into");
  await migrate(target);
  const initialRows = await readInitialRows(options.clock);
  return await source.write(async (from) => {
    await beginSource(source, from);
    const tables = await readCopiedTables(from, source.kind);
    return await target.write(async (to) => {
      const targetTables = await readCopiedTables(to, target.kind);
      checkTables(tables, targetTables);
      // Two schemas of one database share the lock: acquiring it again would wait behind an instance that waits for it.
      await beginTarget(target, to, {
        tables: targetTables,
        initialRows,
        isLocked: source.name === target.name,
      });
      return await copyTables(targetTables, { from, to, kind: target.kind, ...options });
    });
  });
}

async function checkVersion(database: Database, preposition: "from" | "into"): Promise<void> {
  const reasons = {
    empty: "it is empty",
    pre_release: "it was created by a pre-release of Runwire",
    older: "it is of an older version; run `runwire migrate` on it first",
    newer: "it was changed by a newer version of Runwire; use that version",
    current: undefined,
  };
  const reason = reasons[await schemaState(database)];
  if (reason) {
    throw new UsageError(`Cannot copy ${preposition} the database ${database.name}: ${reason}`);
  }
}

/** Reads the definitions of the tables to copy. */
async function readCopiedTables(
  db: Db,
  kind: Database["kind"],
): Promise<readonly TableDefinition[]> {
  return (await readTables(db, kind)).filter(({ name }) => !EXCLUDED_TABLES.includes(name));
}

/** The rows of a newly created database by table, such as counters. */
async function readInitialRows(clock: Clock): Promise<ReadonlyMap<string, readonly Row[]>> {
  await using database = await openDatabase("sqlite::memory:", { clock });
  await migrate(database);
  return await database.read(async (db) => {
    const rows = new Map<string, readonly Row[]>();
    for (const table of await readCopiedTables(db, "sqlite")) {
      rows.set(table.name, (await Array.fromAsync(readRows(db, table))).flat());
    }
    return rows;
  });
}

/** Begins a consistent read and keeps servers from starting. In SQLite, the transaction keeps out other writers. */
async function beginSource(database: Database, tx: Tx): Promise<void> {
  if (database.kind === "sqlite") return;
  await sql`set transaction isolation level repeatable read, read only`.execute(tx);
  await lockMigrations(tx, { isShared: true });
  await assertNotServed(database, tx);
}

/** Checks that the target is newly migrated, and deletes its initial rows. */
async function beginTarget(
  database: Database,
  tx: Tx,
  { tables, initialRows, isLocked }: {
    readonly tables: readonly TableDefinition[];
    readonly initialRows: ReadonlyMap<string, readonly Row[]>;
    readonly isLocked: boolean;
  },
): Promise<void> {
  if (database.kind === "postgres") {
    if (!isLocked) await lockMigrations(tx, { isShared: true });
    await assertNotServed(database, tx);
    await sql`lock table ${sql.join(tables.map(({ name }) => sql.table(name)))}
      in share row exclusive mode nowait`.execute(tx);
  }
  for (const table of tables.toReversed()) {
    const expected = initialRows.get(table.name) ?? [];
    if (!await containsOnly(tx, table, expected)) {
      throw new UsageError(
        `Cannot copy into the database ${database.name}: it is not empty (${table.name})`,
      );
    }
    if (expected.length > 0) await sql`delete from ${sql.table(table.name)}`.execute(tx);
  }
}

async function assertNotServed(database: Database, tx: Tx): Promise<void> {
  if (!await isServed(tx)) return;
  throw new UsageError(`Cannot copy the database ${database.name}: a Runwire server is using it`);
}

/** Databases of one version have the same columns unless a schema was changed by hand. */
function checkTables(source: readonly TableDefinition[], target: readonly TableDefinition[]): void {
  const [a, b] = [source, target].map((tables) =>
    tables.flatMap(({ name, columns }) => columns.map((column) => `${name}.${column}`)).sort()
  ) as [string[], string[]];
  const unmatched = a.find((name) => !b.includes(name)) ?? b.find((name) => !a.includes(name));
  if (unmatched) throw new UsageError(`Cannot copy: only one of the databases has ${unmatched}`);
}

async function containsOnly(
  db: Db,
  table: TableDefinition,
  expected: readonly Row[],
): Promise<boolean> {
  for await (const rows of readRows(db, table)) {
    const toValues = (row: Row) => table.columns.map((column) => row[column]);
    return JSON.stringify(rows.map(toValues)) === JSON.stringify(expected.map(toValues));
  }
  return expected.length === 0;
}

async function copyTables(
  tables: readonly TableDefinition[],
  { from, to, kind, signal, onProgress }: CopyOptions & {
    readonly from: Tx;
    readonly to: Tx;
    readonly kind: Database["kind"];
  },
): Promise<readonly CopiedTable[]> {
  const copied: CopiedTable[] = [];
  for (const table of tables) copied.push({ name: table.name, rows: await countRows(from, table) });
  const total = copied.reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  for (const table of tables) {
    for await (const rows of readRows(from, table)) {
      onProgress?.({ done, total });
      // SQLite is synchronous: yield to the event loop, so that the copy can be interrupted.
      await yieldToEventLoop();
      signal.throwIfAborted();
      await insertRows(to, kind, { table, rows });
      done += rows.length;
    }
    if (kind === "postgres") {
      await advanceSequence(to, table);
      // Gives the planner statistics for the first queries.
      await sql`analyze ${sql.table(table.name)}`.execute(to);
    }
  }
  onProgress?.({ done, total });
  for (const [index, { name, rows }] of copied.entries()) {
    const table = tables[index];
    const targetRows = table && await countRows(to, table);
    if (targetRows !== rows) {
      throw new Error(`Cannot copy: ${name} has ${rows} rows, but ${targetRows} in the copy`);
    }
  }
  signal.throwIfAborted();
  return copied;
}
