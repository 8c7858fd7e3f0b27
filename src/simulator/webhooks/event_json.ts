import { createHash } from "node:crypto";
import { jobJson } from "../job_json.ts";
import { toRunPhase, type WorldEvent } from "../world/scheduled_change.ts";
import type { Repository } from "../world/repository.ts";
import { repositoryJson, workflowJson } from "../repository_json.ts";
import type { WorkflowRun } from "../world/run.ts";
import { runJson } from "../run_json.ts";
import { nodeId, organizationJson, type Origin, type User, userJson } from "../user_json.ts";

/** A webhook event before delivery. */
export interface WebhookEvent {
  /** For example `workflow_run`. */
  readonly event: string;
  readonly action: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The webhook events of a world event, in GitHub's order: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
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
  // A re-run has no action `requested`:
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
      // Only push events have seconds since the epoch.
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

type AccessEvent = Exclude<WorldEvent, { kind: "push" | "run" | "repository" }>;

/** Webhook events about permission changes: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
function toAccessEvent(worldEvent: AccessEvent, origin: Origin): WebhookEvent {
  const { kind: event, action } = worldEvent;
  const sender = userJson("octocat", origin);
  return { event, action, payload: { action, sender, ...toDetails(worldEvent, origin) } };
}

function toDetails(worldEvent: AccessEvent, origin: Origin) {
  switch (worldEvent.kind) {
    case "member":
      return {
        member: eventUserJson(worldEvent.user, origin),
        repository: repositoryJson(worldEvent.repository, origin),
      };
    case "organization": {
      const { organization, user } = worldEvent;
      const url = `${origin.api}/orgs/${organization}`;
      return {
        membership: {
          url: `${url}/memberships/${user.login}`,
          state: "active",
          role: "member",
          organization_url: url,
          user: eventUserJson(user, origin),
        },
        organization: organizationJson(organization, origin),
      };
    }
    case "installation":
      return { repositories: worldEvent.repositories.map(simpleRepositoryJson) };
    case "installation_repositories": {
      const repositories = worldEvent.repositories.map(simpleRepositoryJson);
      const isAdded = worldEvent.action === "added";
      return {
        repository_selection: "selected",
        repositories_added: isAdded ? repositories : [],
        repositories_removed: isAdded ? [] : repositories,
        requester: null,
      };
    }
    case "github_app_authorization":
      return { sender: eventUserJson(worldEvent.user, origin) };
  }
}

function eventUserJson({ login, id }: User, origin: Origin) {
  return userJson(login, origin, id);
}

/** A repository in installation events. */
function simpleRepositoryJson({ id, full_name, private: isPrivate }: Repository) {
  const [, name = ""] = full_name.split("/");
  return { id, node_id: nodeId("Repository", id), name, full_name, private: isPrivate };
}
