import { type ExpressionBuilder, sql } from "kysely";
import { computeFacts, isFailure, type RunFacts } from "../../run/facts.ts";
import type { Db, Tx } from "../handles.ts";
import type { RunFactsTable, Tables } from "../tables.ts";
import { upsert } from "../upsert.ts";
import { toJob } from "./job_row.ts";
import { type RunTable, toRun } from "./run_row.ts";

/** Reads the stored facts of runs. */
export async function readFacts(
  db: Db,
  ids: readonly number[],
): Promise<ReadonlyMap<number, RunFactsTable>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("run_facts").selectAll().where("run_id", "in", ids).execute();
  return new Map(rows.map((row) => [row.run_id, row]));
}

/** Computes the facts of the completed ones of these runs, without the facts that depend on other runs. */
export async function deriveFacts(
  db: Db,
  ids: readonly number[],
): Promise<ReadonlyMap<number, RunFactsTable>> {
  // The status is not filtered in SQL: SQLite would choose the index of the status, which contains nearly all runs.
  const runs = (await db.selectFrom("workflow_runs as r").selectAll("r").select(selectDefaultBranch)
    .where("r.id", "in", ids).execute()).filter(({ status }) => status === "completed");
  if (runs.length === 0) return new Map();
  const completedIds = runs.map(({ id }) => id);
  const jobs = await db.selectFrom("jobs").selectAll().where("run_id", "in", completedIds)
    .execute();
  const retried = runs.filter(({ run_attempt }) => run_attempt > 1).map(({ id }) => id);
  const attempts = retried.length === 0 ? [] : await db.selectFrom("run_attempts")
    .select(["run_id", "run_attempt as runAttempt", "conclusion"])
    .where("run_id", "in", retried).execute();
  const jobsByRun = Map.groupBy(jobs, ({ run_id }) => run_id);
  const attemptsByRun = Map.groupBy(attempts, ({ run_id }) => run_id);
  return new Map(runs.map((run) => {
    const facts = computeFacts(toRun(run), {
      attempts: attemptsByRun.get(run.id) ?? [],
      jobs: (jobsByRun.get(run.id) ?? []).map(toJob),
    });
    const isDefault = run.branch !== null && run.branch === run.default_branch;
    return [run.id, toRow(run, { ...facts, isDefault })];
  }));
}

/** The default branch of the newest repository with the name: a deleted repository may have had it before. */
function selectDefaultBranch(eb: ExpressionBuilder<Tables & { r: RunTable }, "r">) {
  return eb.selectFrom("repositories as p").select("p.default_branch")
    .where(sql<string>`lower(p.full_name)`, "=", sql<string>`lower(r.repository)`)
    .where("p.default_branch", "is not", null)
    .orderBy("p.id", "desc").limit(1).as("default_branch");
}

export function toFacts(row: RunFactsTable): RunFacts {
  return {
    outcome: row.outcome,
    durationMs: row.duration_ms,
    queueMs: row.queue_ms,
    minutes: row.minutes,
    reruns: row.reruns,
    succeededOnRetry: row.succeeded_on_retry === 1,
    isFlaky: row.is_flaky === 1,
    recoveryMs: row.recovery_ms,
  };
}

function toRow(
  run: RunTable,
  facts: ReturnType<typeof computeFacts> & { readonly isDefault: boolean },
): RunFactsTable {
  const failed = isFailure(facts.outcome);
  return {
    run_id: run.id,
    workflow_id: run.workflow_id,
    branch: run.branch,
    is_default_branch: Number(facts.isDefault),
    non_default_branch: facts.isDefault ? null : run.branch,
    head_sha: run.head_sha,
    created_ms: run.created_ms,
    ended_ms: run.updated_ms,
    outcome: facts.outcome,
    is_failure: failed === undefined ? null : Number(failed),
    succeeded_on_retry: Number(facts.succeededOnRetry),
    duration_ms: facts.durationMs,
    queue_ms: facts.queueMs,
    minutes: facts.minutes,
    reruns: facts.reruns,
    is_flaky: 0,
    recovery_ms: null,
  };
}

/** Compares the facts that do not depend on other runs. */
export function hasEqualOwnFacts(a: RunFactsTable, b: RunFactsTable): boolean {
  return hasSamePosition(a, b) && a.is_default_branch === b.is_default_branch &&
    a.ended_ms === b.ended_ms &&
    a.outcome === b.outcome && a.succeeded_on_retry === b.succeeded_on_retry &&
    a.duration_ms === b.duration_ms &&
    a.queue_ms === b.queue_ms && a.minutes === b.minutes && a.reruns === b.reruns;
}

/** Whether two states of a run have the same position among the runs of the workflow. */
export function hasSamePosition(a: RunFactsTable, b: RunFactsTable): boolean {
  return a.workflow_id === b.workflow_id && a.branch === b.branch && a.head_sha === b.head_sha &&
    a.created_ms === b.created_ms;
}

/** Writes facts of runs, without facts that depend on other runs, and deletes the facts of `deletedIds`. */
export async function writeFacts(
  tx: Tx,
  { rows, deletedIds }: {
    readonly rows: readonly RunFactsTable[];
    readonly deletedIds: readonly number[];
  },
): Promise<void> {
  if (deletedIds.length > 0) {
    await tx.deleteFrom("run_facts").where("run_id", "in", deletedIds).execute();
  }
  await upsert(tx, "run_facts", rows, { key: ["run_id"], except: ["is_flaky", "recovery_ms"] });
}
