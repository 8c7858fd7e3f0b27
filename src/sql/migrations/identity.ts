import { type Kysely, PostgresAdapter, type RawBuilder, sql } from "kysely";

/** The type of a primary key that the database counts up by itself. */
export function identity(db: Kysely<unknown>): RawBuilder<unknown> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  return isPostgres ? sql`bigint generated always as identity` : sql`integer`;
}
