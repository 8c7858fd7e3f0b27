import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { Tx } from "./handles.ts";
import { updateStatistics } from "./statistics/update.ts";

/** Runs deleted per transaction: few enough that other writers do not wait long. */
const BATCH_RUNS = 500;

/** Deletes all runs and workflows of a repository. Returns the number of deleted runs. */
export async function purgeRepository(
  database: Database,
  { id, fullName }: { readonly id: number; readonly fullName: string },
  signal: AbortSignal,
): Promise<number> {
  for (let purged = 0;;) {
    signal.throwIfAborted();
    const count = await database.write((tx) => purgeRuns(tx, fullName));
    purged += count;
    if (count === BATCH_RUNS) continue;
    await database.write((tx) => purgeWorkflows(tx, { id, fullName }));
    return purged;
  }
}

/** Deletes the oldest runs with their attempts, jobs and statistics. Returns the number of runs. */
async function purgeRuns(tx: Tx, fullName: string): Promise<number> {
  const oldest = await tx.selectFrom("workflow_runs").select("id")
    .where(sql`lower(repository)`, "=", sql`lower(${fullName})`)
    .orderBy("created_ms").orderBy("id").limit(BATCH_RUNS).execute();
  const ids = oldest.map(({ id }) => id);
  if (ids.length > 0) await tx.deleteFrom("workflow_runs").where("id", "in", ids).execute();
  await updateStatistics(tx, ids);
  return ids.length;
}

/** Deletes the workflows without runs: a new run may have been stored in the meantime. */
async function purgeWorkflows(
  tx: Tx,
  { id, fullName }: { readonly id: number; readonly fullName: string },
): Promise<void> {
  await tx.deleteFrom("backfills").where("repository_id", "=", id).execute();
  const isOfRepository = sql<boolean>`lower(repository) = lower(${fullName})`;
  // Waits for transactions that insert a run and hold its workflow; only a later statement sees the run.
  await tx.selectFrom("workflows").select("id").where(isOfRepository).orderBy("id").forUpdate()
    .execute();
  await tx.deleteFrom("workflows").where(isOfRepository)
    .where(({ not, exists, selectFrom }) =>
      not(exists(
        selectFrom("workflow_runs").select("workflow_runs.id")
          .whereRef("workflow_id", "=", "workflows.id"),
      ))
    ).execute();
}
