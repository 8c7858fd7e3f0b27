import { type Kysely, type RawBuilder, sql } from "kysely";
import { isPostgres, key } from "./key.ts";

/** What is counted of each run, its sums by workflow and day, and whose runs are still to be counted: all. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("repositories").addColumn("default_branch", "text").execute();
  await createFacts(db);
  await createStatistics(db);
  await db.schema.createTable("recounts")
    .addColumn("repository", "text", (column) => column.primaryKey())
    .addColumn("after_ms", "bigint", (column) => column.notNull())
    .addColumn("after_id", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into recounts (repository, after_ms, after_id)
    select distinct lower(repository), -1, -1 from workflow_runs`.execute(db);
}

/** Without a reference to the run: what was counted of one that is gone must be known to be taken off. */
async function createFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("run_facts")
    .addColumn("run_id", key(db), (column) => column.primaryKey())
    .addColumn("workflow_id", "bigint", (column) => column.notNull())
    .addColumn("branch", "text")
    .addColumn("is_default", "integer", (column) => column.notNull())
    .addColumn("other_branch", "text")
    .addColumn("head_sha", "text", (column) => column.notNull())
    .addColumn("created_ms", "bigint", (column) => column.notNull())
    .addColumn("ended_ms", "bigint", (column) => column.notNull())
    .addColumn("verdict", "text", (column) => column.notNull())
    .addColumn("is_red", "integer")
    .addColumn("is_retried", "integer", (column) => column.notNull())
    .addColumn("duration_ms", "bigint")
    .addColumn("queue_ms", "bigint")
    .addColumn("minutes", "bigint", (column) => column.notNull())
    .addColumn("reruns", "bigint", (column) => column.notNull())
    .addColumn("is_flaky", "integer", (column) => column.notNull())
    .addColumn("recovery_ms", "bigint")
    .execute();
  const indexes = {
    // The neighbours of a run: on its commit, and on its branch.
    run_facts_of_commit: ["workflow_id", "head_sha", "run_id"],
    run_facts_of_branch: ["workflow_id", "branch", "is_red", "run_id"],
    // Those that no row of statistics tells apart by their branch.
    run_facts_off_default: ["other_branch", "created_ms"],
  };
  for (const [name, columns] of Object.entries(indexes)) {
    await db.schema.createIndex(name).on("run_facts").columns(columns).execute();
  }
}

async function createStatistics(db: Kysely<unknown>): Promise<void> {
  const table = db.schema.createTable("statistics")
    .addColumn("workflow_id", "bigint", (column) => column.notNull())
    .addColumn("unit", "text", (column) => column.notNull())
    .addColumn("day", "integer", (column) => column.notNull())
    .addColumn("branch", "text", (column) => column.notNull())
    .addColumn("runs", "bigint", (column) => column.notNull())
    .addColumn("successes", "bigint", (column) => column.notNull())
    .addColumn("failures", "bigint", (column) => column.notNull())
    .addColumn("cancelled", "bigint", (column) => column.notNull())
    .addColumn("timed_out", "bigint", (column) => column.notNull())
    .addColumn("duration_ms", "bigint", (column) => column.notNull())
    .addColumn("queue_ms", "bigint", (column) => column.notNull())
    .addColumn("reruns", "bigint", (column) => column.notNull())
    .addColumn("flaky", "bigint", (column) => column.notNull())
    .addColumn("minutes", "bigint", (column) => column.notNull())
    .addColumn("recoveries", "bigint", (column) => column.notNull())
    .addColumn("recovery_ms", "bigint", (column) => column.notNull())
    .addColumn("durations", "text", (column) => column.notNull())
    .addColumn("queues", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("statistics_key", ["workflow_id", "unit", "day", "branch"]);
  await (isPostgres(db) ? table : table.modifyEnd(inOrderOfKey())).execute();
  // Which workflows had most runs, and what all had on a day.
  await db.schema.createIndex("statistics_of_day").on("statistics")
    .columns(["unit", "day", "workflow_id", "branch", "runs"]).execute();
}

/** The days of a workflow are read one after the other. PostgreSQL has no such thing. */
function inOrderOfKey(): RawBuilder<unknown> {
  return sql`without rowid`;
}
