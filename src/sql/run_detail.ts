import type { Attempt, RunDetail } from "../run/history.ts";
import { newestFirst, type Run } from "../run/run.ts";
import type { Db } from "./database.ts";
import { jobOfRow } from "./job_row.ts";
import { runOfRow } from "./run_row.ts";
import type { AttemptTable } from "./tables.ts";

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
  const [first, ...others] = workflowIds.map((workflowId) =>
    db.selectFrom(
      db.selectFrom("workflow_runs").selectAll().where("workflow_id", "=", workflowId)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).as("latest"),
    ).selectAll()
  );
  if (!first) return [];
  const rows = await others.reduce((all, next) => all.unionAll(next), first).execute();
  return rows.map(runOfRow).sort(newestFirst);
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
