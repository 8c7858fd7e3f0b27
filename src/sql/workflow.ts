import type { Run } from "../run/run.ts";
import type { Tx } from "./database.ts";

/** Keeps the workflows of runs, each by the name that its latest run gives it. */
export async function keepWorkflows(tx: Tx, runs: readonly Run[]): Promise<void> {
  if (runs.length === 0) return;
  const oldestFirst = runs.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  const latest = new Map(oldestFirst.map((run) => [run.workflowId, run]));
  await tx.insertInto("workflows")
    .values(
      [...latest.values()].sort((a, b) => a.workflowId - b.workflowId).map((run) => ({
        id: run.workflowId,
        repository: run.repository,
        name: run.workflowName,
        named_ms: Date.parse(run.createdAt),
      })),
    )
    .onConflict((conflict) =>
      conflict.column("id")
        .doUpdateSet((eb) => ({
          repository: eb.ref("excluded.repository"),
          name: eb.ref("excluded.name"),
          named_ms: eb.ref("excluded.named_ms"),
        }))
        .whereRef("excluded.named_ms", ">", "workflows.named_ms")
    )
    .execute();
}
