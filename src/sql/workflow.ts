import type { Workflow } from "../repository/repository.ts";
import type { Run } from "../run/run.ts";
import type { Tx } from "./database.ts";

/** Keeps the workflows of runs, each by the name that its latest run gives it. */
export async function upsertRunWorkflows(tx: Tx, runs: readonly Run[]): Promise<void> {
  if (runs.length === 0) return;
  const oldestFirst = runs.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  const latest = new Map(oldestFirst.map((run) => [run.workflowId, run]));
  await tx.insertInto("workflows")
    .values(
      [...latest.values()].sort((a, b) => a.workflowId - b.workflowId).map((run) => ({
        id: run.workflowId,
        repository: run.repository,
        name: run.workflowName,
        name_updated_ms: Date.parse(run.createdAt),
      })),
    )
    .onConflict((conflict) =>
      conflict.column("id")
        .doUpdateSet((eb) => ({
          repository: eb.ref("excluded.repository"),
          name: eb.ref("excluded.name"),
          name_updated_ms: eb.ref("excluded.name_updated_ms"),
        }))
        .whereRef("excluded.name_updated_ms", ">", "workflows.name_updated_ms")
    )
    .execute();
}

/** Keeps the workflows of a repository as GitHub lists them `now` (ms since the epoch). */
export async function upsertWorkflows(
  tx: Tx,
  workflows: readonly Workflow[],
  { repository, now }: { readonly repository: string; readonly now: number },
): Promise<void> {
  for (const { id, name, path, state, htmlUrl } of workflows.toSorted((a, b) => a.id - b.id)) {
    const row = { repository, name, name_updated_ms: now, path, state, html_url: htmlUrl };
    await tx.insertInto("workflows").values({ id, ...row })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(row)).execute();
  }
}
