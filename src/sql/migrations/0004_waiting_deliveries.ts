import { type Kysely, sql } from "kysely";

/**
 * The queue's indexes hold what is in the queue alone: a delivery that is kept as done touches none of them. They serve
 * queries that name the state as a literal.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const name of ["deliveries_in_order", "deliveries_of_subject", "deliveries_next_due"]) {
    await db.schema.dropIndex(name).execute();
  }
  const indexes = {
    deliveries_waiting: ["seq"],
    deliveries_of_subject: ["subject", "seq", "due_ms"],
    deliveries_next_due: ["due_ms", "subject", "seq"],
  };
  for (const [name, columns] of Object.entries(indexes)) {
    await db.schema.createIndex(name).on("deliveries").columns(columns)
      .where(sql.ref("state"), "=", "waiting").execute();
  }
  await db.schema.createIndex("deliveries_parked").on("deliveries").column("seq")
    .where(sql.ref("state"), "=", "parked").execute();
}
