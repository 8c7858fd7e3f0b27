import type { Repository } from "./world/repository.ts";
import { minimalRepositoryJson } from "./repository_json.ts";
import type { WorkflowRun } from "./world/run.ts";
import { nodeId, type Origin, userJson } from "./user_json.ts";

/** https://docs.github.com/en/rest/actions/workflow-runs */
export function runJson(run: WorkflowRun, repository: Repository, origin: Origin) {
  const { id, run_attempt, head_sha, created_at } = run;
  const home = `${origin.api}/repos/${repository.full_name}`;
  const url = `${home}/actions/runs/${id}`;
  const checkSuiteId = id * 2 + 1;
  const minimal = minimalRepositoryJson(repository, origin);
  const actorJson = (login: string | null) => login === null ? null : userJson(login, origin);
  return {
    id,
    name: run.name,
    node_id: nodeId("WorkflowRun", id),
    head_branch: run.head_branch,
    head_sha,
    path: run.path,
    display_title: run.display_title,
    run_number: run.run_number,
    event: run.event,
    status: run.status,
    conclusion: run.conclusion,
    workflow_id: run.workflow_id,
    check_suite_id: checkSuiteId,
    check_suite_node_id: nodeId("CheckSuite", checkSuiteId),
    url,
    html_url: `${origin.html}/${repository.full_name}/actions/runs/${id}`,
    pull_requests: [],
    created_at,
    updated_at: run.updated_at,
    actor: actorJson(run.actor),
    run_attempt,
    referenced_workflows: [],
    run_started_at: run.run_started_at,
    triggering_actor: actorJson(run.triggering_actor),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${home}/check-suites/${checkSuiteId}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: run_attempt !== undefined && run_attempt > 1
      ? `${url}/attempts/${run_attempt - 1}`
      : null,
    workflow_url: `${home}/actions/workflows/${run.workflow_id}`,
    head_commit: {
      id: head_sha,
      tree_id: head_sha.split("").reverse().join(""),
      message: run.display_title,
      timestamp: created_at,
      author: authorJson(run.actor),
      committer: { name: "GitHub", email: "noreply@github.com" },
    },
    repository: minimal,
    head_repository: minimal,
  };
}

function authorJson(login: string | null) {
  return login === null ? null : { name: login, email: `${login}@users.noreply.github.com` };
}
