import type { Kysely } from "kysely";
import { key } from "./key.ts";

/** Webhook deliveries: a durable queue, and the memory of what was done. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("deliveries")
    .addColumn("seq", key(db, { counted: true }), (column) => column.primaryKey())
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("event", "text", (column) => column.notNull())
    .addColumn("action", "text")
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("failures", "integer", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("received_ms", "bigint", (column) => column.notNull())
    .addColumn("due_ms", "bigint", (column) => column.notNull())
    .addColumn("done_ms", "bigint")
    // Last: SQLite reads a row up to the last column that it needs.
    .addColumn("payload", "text")
    .execute();
  const indexes = {
    deliveries_in_order: ["state", "seq"],
    deliveries_of_subject: ["state", "subject", "seq", "due_ms"],
    deliveries_next_due: ["state", "due_ms", "subject", "seq"],
    deliveries_done: ["done_ms"],
  };
  for (const [name, columns] of Object.entries(indexes)) {
    await db.schema.createIndex(name).on("deliveries").columns(columns).execute();
  }
}
