import { createHash } from "node:crypto";
import { toAccessEvent } from "./access_event_json.ts";
import { jobJson } from "./job_json.ts";
import { toRunPhase, type WorldEvent } from "./scheduled_change.ts";
import type { Repository } from "./repository.ts";
import { repositoryJson, workflowJson } from "./repository_json.ts";
import type { WorkflowRun } from "./run.ts";
import { runJson } from "./run_json.ts";
import { type Origin, userJson } from "./user_json.ts";

/** A webhook event before it is sent to anyone. */
export interface WebhookEvent {
  /** For example `workflow_run`. */
  readonly event: string;
  readonly action: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What GitHub tells of it, in its order: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
export function toWebhookEvents(worldEvent: WorldEvent, origin: Origin): readonly WebhookEvent[] {
  switch (worldEvent.kind) {
    case "push":
      return [toPushEvent(worldEvent, origin)];
    case "run":
      return toRunEvents(worldEvent.run, worldEvent.repository, origin);
    case "repository":
      return [toRepositoryEvent(worldEvent, origin)];
    default:
      return [toAccessEvent(worldEvent, origin)];
  }
}

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#repository */
function toRepositoryEvent(
  { action, repository, from }: Extract<WorldEvent, { kind: "repository" }>,
  origin: Origin,
): WebhookEvent {
  const [owner = "", name = ""] = from?.split("/") ?? [];
  const changes = {
    renamed: { repository: { name: { from: name } } },
    transferred: { owner: { from: { user: userJson(owner, origin) } } },
  };
  return {
    event: "repository",
    action,
    payload: {
      action,
      ...(action === "renamed" || action === "transferred" ? { changes: changes[action] } : {}),
      repository: repositoryJson(repository, origin),
      sender: userJson("octocat", origin),
    },
  };
}

function toRunEvents(
  run: WorkflowRun,
  repository: Repository,
  origin: Origin,
): readonly WebhookEvent[] {
  const phase = toRunPhase(run);
  const common = {
    repository: repositoryJson(repository, origin),
    sender: userJson(run.actor ?? "ghost", origin),
  };
  const job: WebhookEvent = {
    event: "workflow_job",
    action: phase,
    payload: { action: phase, workflow_job: jobJson(run, repository, origin), ...common },
  };
  // Nothing is requested when a run is run again:
  // https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run
  if (phase === "queued" && (run.run_attempt ?? 1) > 1) return [job];
  const action = phase === "queued" ? "requested" : phase;
  const workflow = repository.workflows.find(({ id }) => id === run.workflow_id);
  const runEvent: WebhookEvent = {
    event: "workflow_run",
    action,
    payload: {
      action,
      workflow_run: runJson(run, repository, origin),
      workflow: workflow ? workflowJson(workflow, repository, origin) : null,
      ...common,
    },
  };
  return phase === "completed" ? [job, runEvent] : [runEvent, job];
}

function toPushEvent(
  { at, repository, run }: Extract<WorldEvent, { kind: "push" }>,
  origin: Origin,
): WebhookEvent {
  const name = run?.actor ?? "octocat";
  const person = { name, email: `${name}@users.noreply.github.com` };
  const digest = (text: string) => createHash("sha1").update(`${repository.id} ${text}`);
  const before = digest(`before ${at}`).digest("hex");
  const after = run?.head_sha ?? digest(String(at)).digest("hex");
  const home = `${origin.html}/${repository.full_name}`;
  const commit = {
    id: after,
    tree_id: after.split("").reverse().join(""),
    distinct: true,
    message: run?.display_title ?? "Update README.md",
    timestamp: repository.pushed_at,
    url: `${home}/commit/${after}`,
    author: { ...person, username: name },
    committer: { name: "GitHub", email: "noreply@github.com", username: "web-flow" },
    added: [],
    removed: [],
    modified: ["README.md"],
  };
  const { owner, ...rest } = repositoryJson(repository, origin);
  const payload = {
    ref: `refs/heads/${run?.head_branch ?? repository.default_branch}`,
    before,
    after,
    repository: {
      ...rest,
      owner: { ...owner, name: owner.login, email: null },
      // Here alone in seconds since the epoch.
      created_at: toUnixSeconds(repository.created_at),
      pushed_at: Math.floor(at / 1000),
      master_branch: repository.default_branch,
    },
    pusher: person,
    sender: userJson(name, origin),
    created: false,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${home}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: [commit],
    head_commit: commit,
  };
  return { event: "push", action: null, payload };
}

function toUnixSeconds(rfc3339: string): number {
  return Math.floor(Date.parse(rfc3339) / 1000);
}
