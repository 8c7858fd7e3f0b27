import { z } from "zod";
import type { Delivery } from "../delivery/delivery.ts";
import type { Repository } from "../repository/repository.ts";
import { type ChangeSet, EMPTY_CHANGE_SET, type JobState } from "../run/change_set.ts";
import { jobSchema, toJob } from "./job.ts";
import { repositoryFields, toRepository } from "./repository.ts";
import { runSchema, toRun } from "./run.ts";

/** The end of the year 9999, the last year in RFC 3339. */
const LAST_SECOND = 253_402_300_799;

const id = z.int();
const time = z.iso.datetime({ offset: true });
const action = z.string();

/** Unix seconds in `push` events, RFC 3339 in others; missing in the repositories of an installation. */
const pushedAt = z.union([z.int().min(0).max(LAST_SECOND).transform((s) => s * 1_000), time])
  .transform((at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z"));

const repository = z.object({ ...repositoryFields, pushed_at: pushedAt.nullish() })
  .transform((json): Repository => toRepository(json, json.pushed_at));

const workflowRun = z.object({
  // Old versions of GitHub Enterprise Server omit the path.
  workflow_run: runSchema.extend({ path: z.string().default("") })
    .transform((run) => toRun(run, "webhook")).nullish(),
}).transform(({ workflow_run: run }): Partial<ChangeSet> => run ? { runs: [run] } : {});

const workflowJob = z.object({
  action,
  workflow_job: jobSchema.partial({ id: true, name: true }).nullish(),
  deployment: z.object({ updated_at: time }).nullish(),
  repository: z.object({ full_name: z.string() }),
});

/** Returns when the job entered the state of the action; `undefined` for an unknown action. */
function toJobTime({ action, workflow_job: job, deployment }: z.infer<typeof workflowJob>) {
  const created = job?.created_at ?? job?.started_at;
  switch (action) {
    case "queued":
      // After the approval of a deployment, the times of the job are from before it waited.
      return deployment?.updated_at ?? created;
    case "waiting":
      return created;
    case "in_progress":
      return job?.started_at ?? created;
    case "completed":
      return job?.completed_at ?? job?.started_at ?? created;
    default:
      return undefined;
  }
}

/** The action gives the state, because the job in the payload may still have the previous one. */
const jobChange = workflowJob.transform((payload): Partial<ChangeSet> => {
  const at = toJobTime(payload);
  if (!payload.workflow_job || !at) return {};
  const { id, name, ...rest } = payload.workflow_job;
  const status = payload.action;
  const conclusion = status === "completed" ? rest.conclusion : null;
  const state: JobState = {
    runId: rest.run_id,
    repository: payload.repository.full_name,
    runAttempt: rest.run_attempt ?? 1,
    status,
    at,
  };
  if (id === undefined || name === undefined) return { jobs: [state] };
  return { jobs: [{ ...state, job: toJob({ ...rest, id, name, status, conclusion }) }] };
});

const push = z.object({ repository })
  .transform((payload): Partial<ChangeSet> => ({ repositories: [payload.repository] }));

const repositoryChange = z.object({ action, repository })
  .transform(({ action, repository }): Partial<ChangeSet> => ({
    ...(action === "deleted"
      ? { removedRepositories: [repository.id] }
      : { repositories: [repository] }),
    // Any action may change who can see the repository.
    accessChanged: [repository.id],
  }));

const installation = z.object({ action, repositories: z.array(repository).nullish() })
  .transform(({ action, repositories }): Partial<ChangeSet> => ({
    ...(action === "deleted" || action === "suspend"
      ? { removedRepositories: toIds(repositories ?? []) }
      : { repositories: repositories ?? [] }),
    accessChanged: "all",
  }));

const installationRepositories = z.object({
  repositories_added: z.array(repository).nullish(),
  repositories_removed: z.array(z.object({ id })).nullish(),
}).transform((payload): Partial<ChangeSet> => {
  const repositories = payload.repositories_added ?? [];
  const removedRepositories = toIds(payload.repositories_removed ?? []);
  const accessChanged = [...toIds(repositories), ...removedRepositories];
  return { repositories, removedRepositories, accessChanged };
});

/** Permissions of one repository, or of all repositories if the payload names none. */
const permissionChange = z.object({ repository: z.object({ id }).nullish().catch(undefined) })
  .transform(({ repository }): Partial<ChangeSet> => ({
    accessChanged: repository ? [repository.id] : "all",
  }));

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization: the only action is `revoked`. */
const authorizationRevoked = z.object({ sender: z.object({ id }) })
  .transform(({ sender }): Partial<ChangeSet> => ({ revokedUsers: [sender.id] }));

const runKey = z.object({ workflow_run: z.object({ id }) })
  .transform((payload) => `run ${payload.workflow_run.id}`);
const jobKey = z.object({ workflow_job: z.object({ run_id: id }) })
  .transform((payload) => `run ${payload.workflow_job.run_id}`);
const repositoryKey = z.object({ repository: z.object({ id }) })
  .transform((payload) => `repository ${payload.repository.id}`);
const installationKey = z.object({ installation: z.object({ id }) })
  .transform((payload) => `installation ${payload.installation.id}`);

interface EventParser {
  /** Without it, each delivery has its own ordering key. */
  readonly orderingKey?: z.ZodType<string>;
  readonly changes: z.ZodType<Partial<ChangeSet>>;
}

/**
 * The supported events.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
const PARSERS: ReadonlyMap<string, EventParser> = new Map<string, EventParser>([
  ["workflow_run", { orderingKey: runKey, changes: workflowRun }],
  ["workflow_job", { orderingKey: jobKey, changes: jobChange }],
  ["push", { orderingKey: repositoryKey, changes: push }],
  ["repository", { orderingKey: repositoryKey, changes: repositoryChange }],
  ["installation", { orderingKey: installationKey, changes: installation }],
  ["installation_repositories", {
    orderingKey: installationKey,
    changes: installationRepositories,
  }],
  // GitHub sends these to Apps and organization webhooks; `member` and `team_add` also to repository webhooks. They need no
  // order, because each only causes a new check.
  ["member", { changes: permissionChange }],
  ["membership", { changes: permissionChange }],
  ["team", { changes: permissionChange }],
  ["team_add", { changes: permissionChange }],
  ["organization", { changes: permissionChange }],
  ["installation_target", { changes: permissionChange }],
  ["github_app_authorization", { changes: authorizationRevoked }],
]);

const unsupportedEvent = z.unknown().transform((): Partial<ChangeSet> => ({}));

/**
 * Returns the ordering key of a delivery, for example `run 123`, or a key of its own if the payload has none. Returns
 * `undefined` for an unsupported event.
 */
export function toOrderingKey(
  delivery: { readonly id: string; readonly event: string },
  payload: object,
): string | undefined {
  const parser = PARSERS.get(delivery.event);
  if (!parser) return undefined;
  return parser.orderingKey?.safeParse(payload).data ?? `delivery ${delivery.id}`;
}

/** The changes of a payload that is already parsed; `undefined` for an invalid payload. */
export function toChanges(
  { event }: { readonly event: string },
  payload: object,
): ChangeSet | undefined {
  const { data } = validateChanges(event, payload);
  return data && { ...EMPTY_CHANGE_SET, ...data };
}

/**
 * The changes of a stored delivery.
 * @throws {Error} naming the first invalid field, never its value
 */
export function parseChanges({ event, payload }: Delivery): ChangeSet {
  const { data, error } = validateChanges(event, JSON.parse(payload));
  if (data) return { ...EMPTY_CHANGE_SET, ...data };
  const [issue] = error.issues;
  const path = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : "";
  throw new Error(`The payload of ${event} is not as documented: ${path}${issue?.message}`);
}

function validateChanges(event: string, payload: unknown) {
  const changes = PARSERS.get(event)?.changes ?? unsupportedEvent;
  return changes.safeParse(payload);
}

function toIds(repositories: readonly { readonly id: number }[]): number[] {
  return repositories.map((each) => each.id);
}
