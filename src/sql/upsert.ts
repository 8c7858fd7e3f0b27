import { type InsertObject, type RawBuilder, sql, type SqlBool, type Transaction } from "kysely";
import type { Tx } from "./handles.ts";
import type { Tables } from "./tables.ts";

/** Rows per statement: SQLite binds at most 32,766 values. */
const BATCH_ROWS = 1_000;

interface UpsertOptions<Column> {
  /** The columns of a unique key. */
  readonly key: readonly Column[];
  /** Columns that an existing row keeps. */
  readonly except?: readonly Column[];
  /** Which existing rows are updated, as a condition on the table and on `excluded`, the new row. All by default. */
  readonly where?: RawBuilder<SqlBool>;
}

/** Inserts rows, or updates the existing rows with the same key. The rows have the same columns and distinct keys. */
export async function upsert<T extends keyof Tables>(
  tx: Tx,
  table: T,
  rows: readonly InsertObject<Tables, T>[],
  { key, except = [], where }: UpsertOptions<keyof Tables[T] & string>,
): Promise<void> {
  // deno-lint-ignore no-explicit-any -- Kysely has no types for a table that is a parameter
  const untyped: Transaction<any> = tx;
  const name: string = table;
  const unchanged: readonly string[] = [...key, ...except];
  const columns = Object.keys(rows[0] ?? {}).filter((column) => !unchanged.includes(column));
  const excluded = Object.fromEntries(
    columns.map((column) => [column, sql.ref(`excluded.${column}`)]),
  );
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    await untyped.insertInto(name).values(rows.slice(start, start + BATCH_ROWS))
      .onConflict((conflict) => {
        const update = conflict.columns([...key]).doUpdateSet(excluded);
        return where ? update.where(where) : update;
      })
      .execute();
  }
}
