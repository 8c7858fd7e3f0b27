import { type Kysely, PostgresAdapter, type RawBuilder, sql } from "kysely";

/** The type of a numeric primary key: SQLite stores a table by it if it is called exactly so, and counts it up by itself. */
export function key(db: Kysely<unknown>, { counted = false } = {}): RawBuilder<unknown> {
  if (!isPostgres(db)) return sql`integer`;
  return counted ? sql`bigint generated always as identity` : sql`bigint`;
}

export function isPostgres(db: Pick<Kysely<unknown>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}
