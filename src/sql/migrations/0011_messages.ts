import type { Kysely } from "kysely";
import { key } from "./key.ts";

/** What clients say to each other. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("messages")
    .addColumn("seq", key(db), (column) => column.primaryKey())
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("content", "text", (column) => column.notNull())
    .addColumn("user_id", "text", (column) => column.notNull())
    .addColumn("created_ms", "bigint", (column) => column.notNull())
    .execute();
}
