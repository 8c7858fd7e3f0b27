import { toRunPhase } from "./world/scheduled_change.ts";
import type { Repository } from "./world/repository.ts";
import type { WorkflowRun } from "./world/run.ts";
import { nodeId, type Origin } from "./user_json.ts";

/** The only job of a run attempt: https://docs.github.com/en/rest/actions/workflow-jobs */
export function jobJson(run: WorkflowRun, repository: Repository, origin: Origin) {
  const attempt = run.run_attempt ?? 1;
  const id = run.id * 2 + attempt;
  const home = `${origin.api}/repos/${repository.full_name}`;
  const phase = toRunPhase(run);
  const isWaiting = phase === "queued";
  const startedAt = phase === "in_progress" ? run.updated_at : run.run_started_at;
  return {
    id,
    run_id: run.id,
    workflow_name: run.name,
    head_branch: run.head_branch,
    run_url: `${home}/actions/runs/${run.id}`,
    run_attempt: attempt,
    node_id: nodeId("CheckRun", id),
    head_sha: run.head_sha,
    url: `${home}/actions/jobs/${id}`,
    html_url: `${origin.html}/${repository.full_name}/actions/runs/${run.id}/job/${id}`,
    status: phase,
    conclusion: run.conclusion,
    created_at: run.run_started_at ?? run.created_at,
    started_at: startedAt,
    completed_at: phase === "completed" ? run.updated_at : null,
    name: "build",
    steps: [],
    check_run_url: `${home}/check-runs/${id}`,
    labels: ["ubuntu-latest"],
    runner_id: isWaiting ? null : 1,
    runner_name: isWaiting ? null : "GitHub Actions 1",
    runner_group_id: isWaiting ? null : 0,
    runner_group_name: isWaiting ? null : "GitHub Actions",
  };
}
