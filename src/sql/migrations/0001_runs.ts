import type { Kysely } from "kysely";
import { key } from "./key.ts";

/** Repositories, workflows and their runs. A run may be known before its repository, so it holds the name. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("repositories")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("full_name", "text", (column) => column.notNull())
    .addColumn("pushed_at", "text")
    .addColumn("pushed_ms", "bigint", (column) => column.notNull())
    .addColumn("removed_ms", "bigint")
    .execute();
  await db.schema.createIndex("repositories_latest_pushed").on("repositories")
    .columns(["removed_ms", "pushed_ms", "id"]).execute();

  await db.schema.createTable("workflows")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("repository", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("named_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("workflows_of_repository").on("workflows").column("repository")
    .execute();

  await db.schema.createTable("workflow_runs")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("repository", "text", (column) => column.notNull())
    .addColumn("workflow_id", "bigint", (column) => column.notNull().references("workflows.id"))
    .addColumn("workflow_name", "text", (column) => column.notNull())
    .addColumn("display_title", "text", (column) => column.notNull())
    .addColumn("event", "text", (column) => column.notNull())
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("branch", "text")
    .addColumn("head_sha", "text", (column) => column.notNull())
    .addColumn("actor", "text")
    .addColumn("run_number", "bigint", (column) => column.notNull())
    .addColumn("run_attempt", "bigint", (column) => column.notNull())
    .addColumn("created_at", "text", (column) => column.notNull())
    .addColumn("created_ms", "bigint", (column) => column.notNull())
    .addColumn("started_at", "text")
    .addColumn("updated_at", "text", (column) => column.notNull())
    .addColumn("updated_ms", "bigint", (column) => column.notNull())
    .addColumn("html_url", "text", (column) => column.notNull())
    .addColumn("source", "text", (column) => column.notNull())
    .addColumn("unfinished", "integer", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("workflow_runs_latest").on("workflow_runs")
    .columns(["repository", "created_ms", "id"]).execute();
  await db.schema.createIndex("workflow_runs_unfinished").on("workflow_runs")
    .columns(["unfinished", "updated_ms", "id"]).execute();
  await db.schema.createIndex("workflow_runs_of_workflow").on("workflow_runs")
    .columns(["workflow_id", "created_ms", "id"]).execute();
}
