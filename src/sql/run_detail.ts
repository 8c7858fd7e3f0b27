import { type RawBuilder, sql, type SqlBool } from "kysely";
import { isVisible, type Visibility } from "../visibility.ts";
import type { RunAttempt, RunDetail } from "../run/history.ts";
import { newestFirst, type Run } from "../run/run.ts";
import type { Db } from "./database.ts";
import { jobOfRow } from "./job_row.ts";
import { runOfRow } from "./run_row.ts";
import { isPostgres } from "./migrations/key.ts";
import type { AttemptTable, RunTable } from "./tables.ts";
import { isVisibleIn } from "./visible.ts";

/** A run with all that is kept of its attempts and jobs. */
export async function runDetail(
  db: Db,
  id: number,
  visible: Visibility,
): Promise<RunDetail | undefined> {
  const row = await db.selectFrom("workflow_runs").selectAll().where("id", "=", id)
    .executeTakeFirst();
  if (!row || !isVisible(visible, row.repository)) return undefined;
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
  { count, visible }: { readonly count: number; readonly visible: Visibility },
): Promise<readonly Run[]> {
  const rows = await latestRows(db, workflowIds, { count });
  const isHidden = ({ repository }: RunTable) => !isVisible(visible, repository);
  // As a rule who sees a workflow sees its runs: the condition, which may be long, is for the others alone.
  const mixed = new Set(rows.filter(isHidden).map((row) => row.workflow_id));
  const where = isVisibleIn(db, visible, sql`lower(repository)`);
  const again = await latestRows(db, [...mixed], { count, where });
  const whole = rows.filter((row) => !mixed.has(row.workflow_id));
  return [...whole, ...again].map(runOfRow).sort(newestFirst);
}

/** Which runs of each workflow. */
interface Latest {
  readonly count: number;
  readonly where?: RawBuilder<SqlBool> | undefined;
}

async function latestRows(
  db: Db,
  workflowIds: readonly number[],
  latest: Latest,
): Promise<readonly RunTable[]> {
  if (workflowIds.length === 0) return [];
  return await (isPostgres(db)
    ? lateral(db, workflowIds, latest)
    : compound(db, workflowIds, latest));
}

/** PostgreSQL plans this once, and a compound part by part. */
async function lateral(
  db: Db,
  workflowIds: readonly number[],
  { count, where }: Latest,
): Promise<readonly RunTable[]> {
  const { rows } = await sql<RunTable>`
    select r.* from unnest(${workflowIds}::bigint[]) as w(id) cross join lateral (
      select * from workflow_runs where workflow_id = w.id${where ? sql` and ${where}` : sql``}
      order by created_ms desc, id desc limit ${count}
    ) as r`.execute(db);
  return rows;
}

async function compound(
  db: Db,
  workflowIds: readonly number[],
  { count, where }: Latest,
): Promise<readonly RunTable[]> {
  const all = db.selectFrom("workflow_runs").selectAll();
  const wanted = where ? all.where(where) : all;
  const [first, ...others] = workflowIds.map((workflowId) =>
    db.selectFrom(
      wanted.where("workflow_id", "=", workflowId)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).as("latest"),
    ).selectAll()
  );
  return await others.reduce((all, next) => all?.unionAll(next), first)?.execute() ?? [];
}

function attemptOfRow(row: AttemptTable): RunAttempt {
  return {
    runAttempt: row.run_attempt,
    status: row.status,
    conclusion: row.conclusion,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
  };
}
