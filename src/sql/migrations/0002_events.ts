import { type Kysely, sql } from "kysely";
import { key } from "./key.ts";

/** The feed's events, and the one row that numbers them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("events")
    .addColumn("seq", key(db), (column) => column.primaryKey())
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .addColumn("event", "text", (column) => column.notNull())
    .execute();
  await db.schema.createTable("event_counter")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("last", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into event_counter (id, last) values (1, 0)`.execute(db);
}
