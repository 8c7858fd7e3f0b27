import type { Run } from "../run/run.ts";
import type { RunTable } from "./tables.ts";

export function runToRow(run: Run): RunTable {
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
    unfinished: run.status === "completed" ? 0 : 1,
  };
}

export function runOfRow(row: RunTable): Run {
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
