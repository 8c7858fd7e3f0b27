import { type ColumnDefinitionBuilder, type Kysely, type RawBuilder, sql } from "kysely";
import { isPostgres } from "../clauses.ts";

/**
 * The type of a numeric primary key. In SQLite only a column whose type is exactly `integer` is the key by which the table is
 * stored. With `isGenerated` the database counts it up; SQLite does so for every such key.
 */
export function key(db: Kysely<unknown>, { isGenerated = false } = {}): RawBuilder<unknown> {
  if (!isPostgres(db)) return sql`integer`;
  return isGenerated ? sql`bigint generated always as identity` : sql`bigint`;
}

export function primaryKey(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.primaryKey();
}

export function notNull(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.notNull();
}

/** A column that refers to `target` (`table.column`); the row is deleted with the row it refers to. */
export function ownedBy(target: string, { isNullable = false } = {}) {
  return (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder =>
    (isNullable ? column : column.notNull()).references(target).onDelete("cascade");
}

/** Creates indexes of a table, each given as SQL: columns, and what follows the parenthesis, such as `where …`. */
export async function createIndexes(
  db: Kysely<unknown>,
  table: string,
  indexes: Readonly<Record<string, string | readonly [columns: string, suffix: string]>>,
): Promise<void> {
  for (const [name, definition] of Object.entries(indexes)) {
    const [columns, suffix] = typeof definition === "string" ? [definition, ""] : definition;
    await sql`create index ${sql.id(name)} on ${sql.table(table)} (${sql.raw(columns)}) ${
      sql.raw(suffix)
    }`.execute(db);
  }
}
