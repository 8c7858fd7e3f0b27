import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import { advanceSequence, countRows, insertRows, readRows, type Row } from "./copy_rows.ts";
import { type Database, type Db, openDatabase, type Tx } from "./database.ts";
import { lockMigrations, migrate, schemaState } from "./migrate.ts";
import { readTables, type TableDefinition } from "./engine/table_catalog.ts";
import { isServed } from "./served.ts";
import type { Tables } from "./tables.ts";
import { yieldToEventLoop } from "./engine/group_commit.ts";

/** What instances over one database agree on is the database's own: its name, who polls, and who has clients. */
const EXCLUDED_TABLES: readonly string[] = [
  "installation",
  "leases",
  "presences",
] satisfies readonly (
  keyof Tables
)[];

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Rows of all tables. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface CopiedTable {
  readonly name: string;
  /** How many there are, in both. */
  readonly rows: number;
}

/**
 * Opens a database that nobody serves from while it is open: of a SQLite file we take that right ourselves, with PostgreSQL
 * copyDatabase() asks.
 * @throws {UsageError}
 */
export function openForCopy(url: string, clock: Clock): Promise<Database> {
  return openDatabase(url, { clock, serve: url.startsWith("sqlite:") });
}

/**
 * Copies everything that is kept into an empty database: all tables that the schema has, but for what the database computes
 * from them. All or nothing: one transaction reads, another one writes, and whatever stops it leaves the target empty.
 * @throws {UsageError} when the target is not empty, a Runwire serves from either, or they are of different versions
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
      // Of one database the lock is held already; who waits for it meanwhile would go before us.
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

/** The tables that are copied. */
async function readCopiedTables(
  db: Db,
  kind: Database["kind"],
): Promise<readonly TableDefinition[]> {
  return (await readTables(db, kind)).filter(({ name }) => !EXCLUDED_TABLES.includes(name));
}

/** What a database has in it that was never used, by table: counters, for example. */
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

/** One picture of everything, while nobody begins to serve. SQLite lets no other write meanwhile. */
async function beginSource(database: Database, tx: Tx): Promise<void> {
  if (database.kind === "sqlite") return;
  await sql`set transaction isolation level repeatable read, read only`.execute(tx);
  await lockMigrations(tx, { isShared: true });
  await assertNotServed(database, tx);
}

/** Nothing but what a new database has in it may be there, and it is taken away. */
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
        `Cannot copy into the database ${database.name}: it is not empty (${table.name}), ` +
          "allowed is one that was never used",
      );
    }
    if (expected.length > 0) await sql`delete from ${sql.table(table.name)}`.execute(tx);
  }
}

async function assertNotServed(database: Database, tx: Tx): Promise<void> {
  if (!await isServed(tx)) return;
  throw new UsageError(`Cannot copy the database ${database.name}: a Runwire serves from it`);
}

/** Of the same version they have the same tables: whoever changes one by hand is told. */
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
      // SQLite is synchronous: without a turn nobody could interrupt.
      await yieldToEventLoop();
      signal.throwIfAborted();
      await insertRows(to, kind, { table, rows });
      done += rows.length;
    }
    if (kind === "postgres") {
      await advanceSequence(to, table);
      // So that the first queries are planned as those of later.
      await sql`analyze ${sql.table(table.name)}`.execute(to);
    }
  }
  onProgress?.({ done, total });
  for (const [index, { name, rows }] of copied.entries()) {
    const table = tables[index];
    const targetRows = table && await countRows(to, table);
    if (targetRows !== rows) {
      throw new Error(`Cannot copy: of ${rows} rows of ${name} ${targetRows} have arrived`);
    }
  }
  signal.throwIfAborted();
  return copied;
}
