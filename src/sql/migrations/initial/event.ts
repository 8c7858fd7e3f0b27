import { type Kysely, sql } from "kysely";
import { key, notNull, primaryKey } from "../columns.ts";

/** The events of the feed, the row that numbers them, and chat messages. */
export async function createEventTables(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("events")
    .addColumn("seq", key(db), primaryKey)
    .addColumn("at_ms", "bigint", notNull)
    .addColumn("event", "text", notNull)
    .execute();
  await db.schema.createTable("event_counter")
    .addColumn("id", "integer", primaryKey)
    .addColumn("last_seq", "bigint", notNull)
    .execute();
  await sql`insert into event_counter (id, last_seq) values (1, 0)`.execute(db);
  await db.schema.createTable("messages")
    .addColumn("seq", key(db), primaryKey)
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("content", "text", notNull)
    .addColumn("user_id", "text", notNull)
    .addColumn("created_ms", "bigint", notNull)
    .execute();
}
