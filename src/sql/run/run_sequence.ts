import { sql } from "kysely";
import type { Db, Tx } from "../database.ts";
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

/** The run with which a branch was green last before another one; below all ids if it never was. */
const LAST_SUCCESS = sql`coalesce((
    select n.run_id from run_facts n
    where n.workflow_id = f.workflow_id and n.branch = f.branch and n.is_failure = 0
      and n.run_id < f.run_id
    order by n.run_id desc limit 1
  ), -1)`;

/** Sought from where the branch was green last: however long it was red, few rows are read. */
const RECOVERY_MS = sql<number | null>`case when f.is_failure = 0 and f.is_default_branch = 1 then (
  select case when f.ended_ms > n.ended_ms then f.ended_ms - n.ended_ms else 0 end
  from run_facts n
  where n.workflow_id = f.workflow_id and n.branch = f.branch and n.is_failure = 1
    and n.run_id < f.run_id and n.run_id > ${LAST_SUCCESS}
  order by n.run_id limit 1
) end`;

/**
 * Runs follow each other in the order of their ids, which GitHub counts up as it creates them: times have whole seconds, and
 * many runs may be of one.
 *
 * The runs of whose facts something may depend on these: the next one on the same commit, and the next success on the same
 * branch. Cancelled runs and the like are passed over.
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
 * Decides anew what depends on neighbours. A success is flaky when it had failed before, or the run before it on the same
 * commit had; it is a recovery when its default branch was red, since the end of the first failure after the last success.
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
