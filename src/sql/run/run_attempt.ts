import { sql, type SqlBool } from "kysely";
import { merge, type Run } from "../../run/run.ts";
import type { Tx } from "../handles.ts";
import type { AttemptTable } from "../tables.ts";
import { upsert } from "../upsert.ts";
import { statusRank } from "./run_row.ts";

/**
 * Stores the attempts that these states of runs belong to, each in its latest state. The runs must be stored and locked. A run
 * is merged before, so its own attempt arrives here in order.
 */
export async function upsertAttempts(tx: Tx, states: readonly Run[]): Promise<void> {
  const latest = new Map<string, Run>();
  for (const run of states) {
    const key = `${run.id}/${run.runAttempt}`;
    const old = latest.get(key);
    latest.set(key, old ? merge(old, run) : run);
  }
  await upsert(tx, "run_attempts", [...latest.values()].map(toRow), {
    key: ["run_id", "run_attempt"],
    where: sql<SqlBool>`(excluded.updated_ms, excluded.status_rank) >=
      (run_attempts.updated_ms, run_attempts.status_rank)`,
  });
}

function toRow(run: Run): AttemptTable {
  return {
    run_id: run.id,
    run_attempt: run.runAttempt,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    started_ms: run.startedAt === null ? null : Date.parse(run.startedAt),
    updated_at: run.updatedAt,
    updated_ms: Date.parse(run.updatedAt),
    status_rank: statusRank(run.status),
  };
}
