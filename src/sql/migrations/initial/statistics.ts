import { type Kysely, sql } from "kysely";
import { isPostgres } from "../../clauses.ts";
import { createIndexes, key, notNull, primaryKey } from "../columns.ts";

/** Facts of each completed run, their sums by workflow and day, and the repositories to recompute. */
export async function createStatisticsTables(db: Kysely<unknown>): Promise<void> {
  await createFacts(db);
  await createStatistics(db);
  await db.schema.createTable("recompute_queue")
    .addColumn("repository", "text", primaryKey)
    .addColumn("after_ms", "bigint", notNull)
    .addColumn("after_id", "bigint", notNull)
    .execute();
}

/** Has no foreign key: the facts of a deleted run are still needed to subtract them from the sums. */
async function createFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("run_facts")
    .addColumn("run_id", key(db), primaryKey)
    .addColumn("workflow_id", "bigint", notNull)
    .addColumn("branch", "text")
    .addColumn("is_default_branch", "integer", notNull)
    .addColumn("non_default_branch", "text")
    .addColumn("head_sha", "text", notNull)
    .addColumn("created_ms", "bigint", notNull)
    .addColumn("ended_ms", "bigint", notNull)
    .addColumn("outcome", "text", notNull)
    .addColumn("is_failure", "integer")
    .addColumn("succeeded_on_retry", "integer", notNull)
    .addColumn("duration_ms", "bigint")
    .addColumn("queue_ms", "bigint")
    .addColumn("minutes", "bigint", notNull)
    .addColumn("reruns", "bigint", notNull)
    .addColumn("is_flaky", "integer", notNull)
    .addColumn("recovery_ms", "bigint")
    .execute();
  await createIndexes(db, "run_facts", {
    // The previous and next runs on the same commit, and on the same branch.
    run_facts_of_commit: "workflow_id, head_sha, run_id",
    run_facts_of_branch: "workflow_id, branch, is_failure, run_id",
    // The statistics have no rows for each of these branches. The index covers every sum, so that a year of runs on a
    // branch is added up without reading the rows.
    run_facts_by_non_default_branch: [
      `non_default_branch, created_ms, workflow_id, outcome, duration_ms, queue_ms, reruns, minutes,
        is_flaky, recovery_ms`,
      "where non_default_branch is not null",
    ],
  });
}

/** SQLite stores the rows in the order of the key, as the days of a workflow are read in sequence. */
async function createStatistics(db: Kysely<unknown>): Promise<void> {
  const table = db.schema.createTable("statistics")
    .addColumn("workflow_id", "bigint", notNull)
    .addColumn("unit", "text", notNull)
    .addColumn("day", "integer", notNull)
    .addColumn("branch", "text", notNull)
    .addColumn("runs", "bigint", notNull)
    .addColumn("successes", "bigint", notNull)
    .addColumn("failures", "bigint", notNull)
    .addColumn("cancelled", "bigint", notNull)
    .addColumn("timed_out", "bigint", notNull)
    .addColumn("duration_ms", "bigint", notNull)
    .addColumn("queue_ms", "bigint", notNull)
    .addColumn("reruns", "bigint", notNull)
    .addColumn("flaky", "bigint", notNull)
    .addColumn("minutes", "bigint", notNull)
    .addColumn("recoveries", "bigint", notNull)
    .addColumn("recovery_ms", "bigint", notNull)
    .addColumn("duration_histogram", "text", notNull)
    .addColumn("queue_histogram", "text", notNull)
    .addPrimaryKeyConstraint("statistics_key", ["workflow_id", "unit", "day", "branch"]);
  await (isPostgres(db) ? table : table.modifyEnd(sql`without rowid`)).execute();
  // For the workflows with the most runs, and for the sums of one day.
  await createIndexes(db, "statistics", {
    statistics_of_day: "unit, day, workflow_id, branch, runs",
  });
}
