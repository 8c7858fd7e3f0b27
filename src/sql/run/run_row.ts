import { sql } from "kysely";
import type { Run } from "../../run/run.ts";
import type { RunTable } from "../tables.ts";

export function toRunRow(run: Run): RunTable {
  return {
    id: run.id,
    repository: run.repository,
    workflow_id: run.workflowId,
    workflow_name: run.workflowName,
    display_title: run.displayTitle,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    branch: run.branch,
    head_sha: run.headSha,
    actor: run.actor,
    run_number: run.runNumber,
    run_attempt: run.runAttempt,
    created_at: run.createdAt,
    created_ms: Date.parse(run.createdAt),
    started_at: run.startedAt,
    updated_at: run.updatedAt,
    updated_ms: Date.parse(run.updatedAt),
    html_url: run.htmlUrl,
    source: run.source,
    is_unfinished: run.status === "completed" ? 0 : 1,
  };
}

/** What makes up a run. In PostgreSQL its table has more, of which some is long. */
const COLUMNS = [
  "id",
  "repository",
  "workflow_id",
  "workflow_name",
  "display_title",
  "event",
  "status",
  "conclusion",
  "branch",
  "head_sha",
  "actor",
  "run_number",
  "run_attempt",
  "created_at",
  "started_at",
  "updated_at",
  "html_url",
  "source",
] as const satisfies readonly (keyof RunTable)[];

export type RunRow = Pick<RunTable, (typeof COLUMNS)[number]>;

/** A RunRow of `r`, as text: a builder of so many columns takes longer than all else that is done for a list. */
export const RUN_COLUMNS = sql.raw(COLUMNS.map((column) => `r.${column}`).join(", "));

export function toRun(row: RunRow): Run {
  return {
    id: row.id,
    repository: row.repository,
    workflowId: row.workflow_id,
    workflowName: row.workflow_name,
    displayTitle: row.display_title,
    event: row.event,
    status: row.status,
    conclusion: row.conclusion,
    branch: row.branch,
    headSha: row.head_sha,
    actor: row.actor,
    runNumber: row.run_number,
    runAttempt: row.run_attempt,
    createdAt: row.created_at,
    startedAt: row.started_at,
    updatedAt: row.updated_at,
    htmlUrl: row.html_url,
    source: row.source,
  };
}
