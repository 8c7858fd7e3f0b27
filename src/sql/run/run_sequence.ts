import { sql } from "kysely";
import type { Db, Tx } from "../handles.ts";
import type { RunFactsTable } from "../tables.ts";

const IS_FLAKY = sql<number>`case
  when f.is_failure is null or f.is_failure = 1 then 0
  when f.succeeded_on_retry = 1 then 1
  else coalesce((
    select n.is_failure from run_facts n
    where n.workflow_id = f.workflow_id and n.head_sha = f.head_sha and n.is_failure is not null
      and n.run_id < f.run_id
    order by n.run_id desc limit 1
  ), 0) end`;

/** The ID of the last success of the branch before the run; lower than all IDs without one. */
const LAST_SUCCESS = sql`coalesce((
    select n.run_id from run_facts n
    where n.workflow_id = f.workflow_id and n.branch = f.branch and n.is_failure = 0
      and n.run_id < f.run_id
    order by n.run_id desc limit 1
  ), -1)`;

/** Searches from the last success, so that few rows are read however long the branch was failing. */
const RECOVERY_MS = sql<number | null>`case when f.is_failure = 0 and f.is_default_branch = 1 then (
  select case when f.ended_ms > n.ended_ms then f.ended_ms - n.ended_ms else 0 end
  from run_facts n
  where n.workflow_id = f.workflow_id and n.branch = f.branch and n.is_failure = 1
    and n.run_id < f.run_id and n.run_id > ${LAST_SUCCESS}
  order by n.run_id limit 1
) end`;

/**
 * Returns the runs whose facts may depend on these: the next run on the same commit, and the next success on the same branch.
 * Outcomes that are neither success nor failure are skipped. Runs are ordered by ID, which GitHub assigns in the order of
 * creation; times have a resolution of one second.
 */
export async function nextRunIds(db: Db, ids: readonly number[]): Promise<readonly number[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("run_facts as f").where("f.run_id", "in", ids)
    .where("f.is_failure", "is not", null)
    .select(({ selectFrom }) => {
      const next = selectFrom("run_facts as n").select("n.run_id")
        .whereRef("n.workflow_id", "=", "f.workflow_id").whereRef("n.run_id", ">", "f.run_id")
        .orderBy("n.run_id").limit(1);
      return [
        next.whereRef("n.head_sha", "=", "f.head_sha").where("n.is_failure", "is not", null)
          .as("onCommit"),
        next.whereRef("n.branch", "=", "f.branch").where("n.is_failure", "=", 0).as("onBranch"),
      ];
    })
    .execute();
  return rows.flatMap(({ onCommit, onBranch }) => [onCommit, onBranch]).filter((id) => id !== null);
}

/**
 * Recomputes the facts that depend on other runs. A success is flaky if an earlier attempt failed, or the previous run on the
 * same commit did. It is a recovery if the default branch was failing; the recovery time starts at the end of the first failure
 * after the last success.
 */
export async function recomputeSequenceFacts(
  tx: Tx,
  ids: readonly number[],
): Promise<ReadonlyMap<number, RunFactsTable>> {
  const rows = await tx.updateTable("run_facts as f").where("f.run_id", "in", ids)
    .set({ is_flaky: IS_FLAKY, recovery_ms: RECOVERY_MS })
    .returningAll().execute();
  return new Map(rows.map((row) => [row.run_id, row]));
}
