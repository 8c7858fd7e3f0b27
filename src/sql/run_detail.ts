import { sql } from "kysely";
import type { Attempt, RunDetail } from "../run/history.ts";
import { newestFirst, type Run } from "../run/run.ts";
import type { Db } from "./database.ts";
import { jobOfRow } from "./job_row.ts";
import { runOfRow } from "./run_row.ts";
import { isPostgres } from "./migrations/key.ts";
import type { AttemptTable, RunTable } from "./tables.ts";

/** A run with all that is kept of its attempts and jobs. */
export async function runDetail(db: Db, id: number): Promise<RunDetail | undefined> {
  const row = await db.selectFrom("workflow_runs").selectAll().where("id", "=", id)
    .executeTakeFirst();
  if (!row) return undefined;
  const attempts = await db.selectFrom("run_attempts").selectAll().where("run_id", "=", id)
    .orderBy("run_attempt").execute();
  const jobs = await db.selectFrom("jobs").selectAll().where("run_id", "=", id)
    .orderBy("run_attempt").orderBy("id").execute();
  return { run: runOfRow(row), attempts: attempts.map(attemptOfRow), jobs: jobs.map(jobOfRow) };
}

/** Of each workflow its `count` latest created runs, newest first; each is read from its end of the index, all at once. */
export async function latestRunsOf(
  db: Db,
  workflowIds: readonly number[],
  count: number,
): Promise<readonly Run[]> {
  if (workflowIds.length === 0) return [];
  const rows =
    await (isPostgres(db) ? lateral(db, workflowIds, count) : compound(db, workflowIds, count));
  return rows.map(runOfRow).sort(newestFirst);
}

/** PostgreSQL plans this once, and a compound part by part. */
async function lateral(
  db: Db,
  workflowIds: readonly number[],
  count: number,
): Promise<readonly RunTable[]> {
  const { rows } = await sql<RunTable>`
    select r.* from unnest(${workflowIds}::bigint[]) as w(id) cross join lateral (
      select * from workflow_runs where workflow_id = w.id
      order by created_ms desc, id desc limit ${count}
    ) as r`.execute(db);
  return rows;
}

async function compound(
  db: Db,
  workflowIds: readonly number[],
  count: number,
): Promise<readonly RunTable[]> {
  const [first, ...others] = workflowIds.map((workflowId) =>
    db.selectFrom(
      db.selectFrom("workflow_runs").selectAll().where("workflow_id", "=", workflowId)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).as("latest"),
    ).selectAll()
  );
  return await others.reduce((all, next) => all?.unionAll(next), first)?.execute() ?? [];
}

function attemptOfRow(row: AttemptTable): Attempt {
  return {
    runAttempt: row.run_attempt,
    status: row.status,
    conclusion: row.conclusion,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
  };
}
