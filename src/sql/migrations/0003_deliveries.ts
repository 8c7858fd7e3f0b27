import type { Kysely } from "kysely";
import { identity } from "./identity.ts";

/** Webhook deliveries: a durable queue, and the memory of what was done. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("deliveries")
    .addColumn("seq", identity(db), (column) => column.primaryKey())
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("event", "text", (column) => column.notNull())
    .addColumn("action", "text")
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("payload", "text")
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("failures", "integer", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("received_ms", "bigint", (column) => column.notNull())
    .addColumn("due_ms", "bigint", (column) => column.notNull())
    .addColumn("done_ms", "bigint")
    .execute();
  for (const columns of [["state", "seq"], ["state", "subject", "seq"], ["state", "due_ms"]]) {
    await db.schema.createIndex(`deliveries_by_${columns.join("_")}`).on("deliveries")
      .columns(columns).execute();
  }
  await db.schema.createIndex("deliveries_by_state_done_ms").on("deliveries")
    .columns(["state", "done_ms"]).execute();
}
