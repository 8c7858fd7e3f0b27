import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { TableDefinition } from "./engine/table_catalog.ts";
import type { Db, Tx } from "./handles.ts";

/** Rows per statement: enough for speed, few enough for frequent progress reports. */
const MAX_ROWS = 500;
/** Bytes of text per statement; one larger row is copied alone. */
const MAX_BYTES = 4 * 1024 * 1024;

export type Row = Readonly<Record<string, unknown>>;

/** Reads all rows of a table in batches, in the order of its key. */
export async function* readRows(db: Db, table: TableDefinition): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (;;) {
    const rows = await readRowsAfter(db, table, last);
    last = rows.at(-1);
    if (!last) return;
    yield rows;
  }
}

async function readRowsAfter(
  db: Db,
  { name, columns, textColumns, primaryKey }: TableDefinition,
  last: Row | undefined,
): Promise<readonly Row[]> {
  const order = sql.join(primaryKey.map((column) => sql.ref(column)));
  const after = last === undefined
    ? sql``
    : sql`where (${order}) > (${sql.join(primaryKey.map((column) => last[column]))})`;
  const sizes = sql.join([
    sql.lit(0),
    ...textColumns.map((column) => sql`coalesce(octet_length(${sql.ref(column)}), 0)`),
  ], sql` + `);
  const next = await sql<{ size: number }>`select ${sizes} as size from ${sql.table(name)} ${after}
    order by ${order} limit ${MAX_ROWS}`.execute(db);
  const count = countFitting(next.rows.map(({ size }) => size));
  if (count === 0) return [];
  const { rows } = await sql<Row>`select ${sql.join(columns.map((column) => sql.ref(column)))}
    from ${sql.table(name)} ${after} order by ${order} limit ${count}`.execute(db);
  return rows;
}

/** Returns how many of the first rows fit into MAX_BYTES, at least one. */
function countFitting(sizes: readonly number[]): number {
  let total = 0;
  const tooMany = sizes.findIndex((size, index) => (total += size) > MAX_BYTES && index > 0);
  return tooMany === -1 ? sizes.length : tooMany;
}

/** Inserts rows unchanged, including generated IDs. */
export async function insertRows(
  tx: Tx,
  kind: Database["kind"],
  { table, rows }: { readonly table: TableDefinition; readonly rows: readonly Row[] },
): Promise<void> {
  const name = sql.table(table.name);
  const columns = sql.join(table.columns.map((column) => sql.ref(column)));
  // One parameter for all rows: the statement is the same for every batch.
  if (kind === "postgres") {
    await sql`insert into ${name} (${columns}) overriding system value
      select ${columns} from json_populate_recordset(null::${name}, ${toJson(rows)}::json)`
      .execute(tx);
  } else {
    const lists = rows.map((row) => table.columns.map((column) => row[column]));
    const values = sql.join(table.columns.map((_, index) => sql`value ->> ${sql.lit(index)}`));
    await sql`insert into ${name} (${columns}) select ${values} from json_each(${toJson(lists)})`
      .execute(tx);
  }
}

/** Replaces NUL characters, which PostgreSQL does not allow in text. */
function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, each) => typeof each === "string" ? each.replaceAll("\0", "\uFFFD") : each,
  );
}

/** Sets the sequence of an identity column to its highest value. */
export async function advanceSequence(
  tx: Tx,
  { name, identityColumn }: TableDefinition,
): Promise<void> {
  if (identityColumn === undefined) return;
  await sql`select setval(pg_get_serial_sequence(${`"${name}"`}, ${identityColumn}), max(${
    sql.ref(identityColumn)
  })) from ${sql.table(name)} having max(${sql.ref(identityColumn)}) is not null`.execute(tx);
}

export async function countRows(db: Db, { name }: TableDefinition): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(name)}`
    .execute(db);
  return rows[0]?.count ?? 0;
}
