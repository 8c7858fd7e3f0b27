import type { Kysely } from "kysely";
import { createIndexes, key, notNull, primaryKey } from "../columns.ts";

/** Webhook deliveries: a durable queue, and the record of the applied ones. */
export async function createDeliveryTables(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("deliveries")
    .addColumn("seq", key(db, { isGenerated: true }), primaryKey)
    .addColumn("id", "text", (column) => column.notNull().unique())
    .addColumn("event", "text", notNull)
    .addColumn("action", "text")
    .addColumn("ordering_key", "text", notNull)
    .addColumn("state", "text", notNull)
    .addColumn("failures", "integer", notNull)
    .addColumn("error", "text")
    .addColumn("received_ms", "bigint", notNull)
    .addColumn("due_ms", "bigint", notNull)
    .addColumn("done_ms", "bigint")
    // Last: SQLite reads a row up to the last column that a query needs.
    .addColumn("payload", "text")
    .execute();
  // The indexes of the queue leave out deliveries that are done. They serve queries that name the state as a literal.
  const waiting = "where state = 'waiting'";
  await createIndexes(db, "deliveries", {
    deliveries_waiting: ["seq", waiting],
    deliveries_by_ordering_key: ["ordering_key, seq, due_ms", waiting],
    deliveries_next_due: ["due_ms, ordering_key, seq", waiting],
    deliveries_parked: ["seq", "where state = 'parked'"],
    deliveries_done: "done_ms",
  });
}
