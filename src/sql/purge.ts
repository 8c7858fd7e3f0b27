import { sql } from "kysely";
import type { Database } from "./database.ts";
import type { Tx } from "./handles.ts";
import { updateStatistics } from "./statistics/update.ts";

/** Runs that one transaction forgets: so few that nobody who writes meanwhile waits long. */
const BATCH_RUNS = 500;

/** Forgets all runs and workflows of a repository (`owner/name`). Returns how many runs there were. */
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

/** The oldest first, and what goes with them. Returns how many. */
async function purgeRuns(tx: Tx, fullName: string): Promise<number> {
  const oldest = await tx.selectFrom("workflow_runs").select("id")
    .where(sql`lower(repository)`, "=", sql`lower(${fullName})`)
    .orderBy("created_ms").orderBy("id").limit(BATCH_RUNS).execute();
  const ids = oldest.map(({ id }) => id);
  if (ids.length > 0) await tx.deleteFrom("workflow_runs").where("id", "in", ids).execute();
  await updateStatistics(tx, ids);
  return ids.length;
}

/** A workflow of which a run has come in meanwhile stays. */
async function purgeWorkflows(
  tx: Tx,
  { id, fullName }: { readonly id: number; readonly fullName: string },
): Promise<void> {
  await tx.deleteFrom("backfills").where("repository_id", "=", id).execute();
  const isOfRepository = sql<boolean>`lower(repository) = lower(${fullName})`;
  // A run that is coming in holds its workflow: only a statement that begins later sees it.
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
