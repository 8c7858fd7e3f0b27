import { merge, type Run } from "../../run/run.ts";
import type { Tx } from "../database.ts";
import { statusRank } from "../progress.ts";
import type { AttemptTable } from "../tables.ts";

/** Rows that one statement writes: SQLite takes 32,766 values. */
const BATCH_ROWS = 1_000;

/**
 * Keeps the attempts that these states of runs are of, each as its latest state shows it. The runs are kept, and locked.
 */
export async function upsertAttempts(tx: Tx, states: readonly Run[]): Promise<void> {
  const latest = new Map<string, Run>();
  for (const run of states) {
    const key = `${run.id}/${run.runAttempt}`;
    const old = latest.get(key);
    latest.set(key, old ? merge(old, run) : run);
  }
  const rows = [...latest.values()].map(toRow);
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    await upsert(tx, rows.slice(start, start + BATCH_ROWS));
  }
}

/** What is kept is replaced by what is not older: the run itself is merged, so that its own attempt comes here in order. */
async function upsert(tx: Tx, rows: readonly AttemptTable[]): Promise<void> {
  await tx.insertInto("run_attempts").values(rows)
    .onConflict((conflict) =>
      conflict.columns(["run_id", "run_attempt"])
        .doUpdateSet((eb) => ({
          status: eb.ref("excluded.status"),
          conclusion: eb.ref("excluded.conclusion"),
          started_at: eb.ref("excluded.started_at"),
          started_ms: eb.ref("excluded.started_ms"),
          updated_at: eb.ref("excluded.updated_at"),
          updated_ms: eb.ref("excluded.updated_ms"),
          status_rank: eb.ref("excluded.status_rank"),
        }))
        .where(({ eb, and, or, ref }) =>
          or([
            eb("excluded.updated_ms", ">", ref("run_attempts.updated_ms")),
            and([
              eb("excluded.updated_ms", "=", ref("run_attempts.updated_ms")),
              eb("excluded.status_rank", ">=", ref("run_attempts.status_rank")),
            ]),
          ])
        )
    )
    .execute();
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
