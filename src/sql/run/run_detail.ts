import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { RunAttempt, RunDetail } from "../../run/history.ts";
import { newestFirst, type Run } from "../../run/run.ts";
import { isVisible, type Visibility } from "../../visibility.ts";
import { isPostgres, visibleCondition } from "../clauses.ts";
import type { Db } from "../handles.ts";
import type { AttemptTable } from "../tables.ts";
import { toJob } from "./job_row.ts";
import { type RunTable, toRun } from "./run_row.ts";

/** Reads a run with its attempts and jobs. */
export async function readRunDetail(
  db: Db,
  id: number,
  visibility: Visibility,
): Promise<RunDetail | undefined> {
  const row = await db.selectFrom("workflow_runs").selectAll().where("id", "=", id)
    .executeTakeFirst();
  if (!row || !isVisible(visibility, row.repository)) return undefined;
  const attempts = await db.selectFrom("run_attempts").selectAll().where("run_id", "=", id)
    .orderBy("run_attempt").execute();
  const jobs = await db.selectFrom("jobs").selectAll().where("run_id", "=", id)
    .orderBy("run_attempt").orderBy("id").execute();
  return { run: toRun(row), attempts: attempts.map(toAttempt), jobs: jobs.map(toJob) };
}

/** Reads the `count` latest runs of each workflow, newest first, from the end of the index, in one statement. */
export async function readLatestRuns(
  db: Db,
  workflowIds: readonly number[],
  { count, visibility }: { readonly count: number; readonly visibility: Visibility },
): Promise<readonly Run[]> {
  const rows = await selectLatest(db, workflowIds, { count });
  const isHidden = ({ repository }: RunTable) => !isVisible(visibility, repository);
  // The condition may be long, so it is used only for workflows with a hidden run; usually all runs are visible.
  const partlyVisible = new Set(rows.filter(isHidden).map((row) => row.workflow_id));
  const where = visibleCondition(db, visibility, sql`lower(repository)`);
  const filtered = await selectLatest(db, [...partlyVisible], { count, where });
  const fullyVisible = rows.filter((row) => !partlyVisible.has(row.workflow_id));
  return [...fullyVisible, ...filtered].map(toRun).sort(newestFirst);
}

/** Selects runs of each workflow. */
interface LatestQuery {
  readonly count: number;
  readonly where?: RawBuilder<SqlBool> | undefined;
}

async function selectLatest(
  db: Db,
  workflowIds: readonly number[],
  latest: LatestQuery,
): Promise<readonly RunTable[]> {
  if (workflowIds.length === 0) return [];
  return await (isPostgres(db)
    ? selectByLateralJoin(db, workflowIds, latest)
    : selectByUnion(db, workflowIds, latest));
}

/** For PostgreSQL, which plans each part of a UNION separately. */
async function selectByLateralJoin(
  db: Db,
  workflowIds: readonly number[],
  { count, where }: LatestQuery,
): Promise<readonly RunTable[]> {
  const { rows } = await sql<RunTable>`
    select r.* from unnest(${workflowIds}::bigint[]) as w(id) cross join lateral (
      select * from workflow_runs where workflow_id = w.id${where ? sql` and ${where}` : sql``}
      order by created_ms desc, id desc limit ${count}
    ) as r`.execute(db);
  return rows;
}

async function selectByUnion(
  db: Db,
  workflowIds: readonly number[],
  { count, where }: LatestQuery,
): Promise<readonly RunTable[]> {
  const all = db.selectFrom("workflow_runs").selectAll();
  const matching = where ? all.where(where) : all;
  const [first, ...rest] = workflowIds.map((workflowId) =>
    db.selectFrom(
      matching.where("workflow_id", "=", workflowId)
        .orderBy("created_ms", "desc").orderBy("id", "desc").limit(count).as("latest"),
    ).selectAll()
  );
  return await rest.reduce((all, next) => all?.unionAll(next), first)?.execute() ?? [];
}

function toAttempt(row: AttemptTable): RunAttempt {
  return {
    runAttempt: row.run_attempt,
    status: row.status,
    conclusion: row.conclusion,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
  };
}
