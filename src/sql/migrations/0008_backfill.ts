import type { Kysely } from "kysely";
import { key } from "./key.ts";

/** How far the past of each repository has been brought in. A repository that is deleted takes it along. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("backfills")
    .addColumn(
      "repository_id",
      key(db),
      (column) => column.primaryKey().references("repositories.id").onDelete("cascade"),
    )
    .addColumn("since_ms", "bigint", (column) => column.notNull())
    .addColumn("reached_ms", "bigint", (column) => column.notNull())
    .addColumn("until_ms", "bigint", (column) => column.notNull())
    .addColumn("runs", "bigint", (column) => column.notNull())
    .addColumn("estimate", "bigint")
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("background", "integer", (column) => column.notNull())
    .addColumn("updated_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("backfills_in_turn").on("backfills")
    .columns(["state", "background", "updated_ms", "repository_id"]).execute();
}
