import { sql, type SqlBool } from "kysely";
import type { Workflow } from "../repository/repository.ts";
import type { Run } from "../run/run.ts";
import type { Tx } from "./handles.ts";
import { upsert } from "./upsert.ts";

/** Stores the workflows of runs, each with the name its latest run gives it. */
export async function upsertRunWorkflows(tx: Tx, runs: readonly Run[]): Promise<void> {
  const oldestFirst = runs.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  const latest = new Map(oldestFirst.map((run) => [run.workflowId, run]));
  const rows = [...latest.values()].sort((a, b) => a.workflowId - b.workflowId).map((run) => ({
    id: run.workflowId,
    repository: run.repository,
    name: run.workflowName,
    name_updated_ms: Date.parse(run.createdAt),
  }));
  await upsert(tx, "workflows", rows, {
    key: ["id"],
    where: sql<SqlBool>`excluded.name_updated_ms > workflows.name_updated_ms`,
  });
}

/** Stores the workflows of a repository as GitHub lists them at `now` (ms since the epoch). */
export async function upsertWorkflows(
  tx: Tx,
  workflows: readonly Workflow[],
  { repository, now }: { readonly repository: string; readonly now: number },
): Promise<void> {
  const rows = [...new Map(workflows.map((workflow) => [workflow.id, workflow])).values()]
    .sort((a, b) => a.id - b.id)
    .map(({ id, name, path, state, htmlUrl }) => (
      { id, repository, name, name_updated_ms: now, path, state, html_url: htmlUrl }
    ));
  await upsert(tx, "workflows", rows, { key: ["id"] });
}
