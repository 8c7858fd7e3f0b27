import { z } from "zod";
import type { Delivery } from "../delivery/delivery.ts";
import type { Repository } from "../repository/repository.ts";
import { type ChangeSet, EMPTY_CHANGE_SET, type JobState } from "../run/change_set.ts";
import { PERMISSION_EVENTS } from "./permission_event.ts";
import { repositoryFields, toRepository } from "./repository.ts";
import { jobSchema, toJob } from "./job.ts";
import { runSchema, toRun } from "./run.ts";

/** The end of the year 9999, the last that RFC 3339 can write. */
const LAST_SECOND = 253_402_300_799;

const id = z.int();
const time = z.iso.datetime({ offset: true });
const action = z.string();

/** Unix seconds in `push`, RFC 3339 everywhere else; missing where an installation lists its repositories. */
const pushedAt = z.union([z.int().min(0).max(LAST_SECOND).transform((s) => s * 1_000), time])
  .transform((at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z"));

const repository = z.object({ ...repositoryFields, pushed_at: pushedAt.nullish() })
  .transform((json): Repository => toRepository(json, json.pushed_at));

const workflowRun = z.object({
  // Old servers leave out the path.
  workflow_run: runSchema.extend({ path: z.string().default("") })
    .transform((run) => toRun(run, "webhook")).nullish(),
}).transform(({ workflow_run: run }): Partial<ChangeSet> => run ? { runs: [run] } : {});

const workflowJob = z.object({
  action,
  workflow_job: jobSchema.partial({ id: true, name: true }).nullish(),
  deployment: z.object({ updated_at: time }).nullish(),
  repository: z.object({ full_name: z.string() }),
});

/** When a job came to where the action says it is; `undefined` for actions that we do not know. */
function toJobTime({ action, workflow_job: job, deployment }: z.infer<typeof workflowJob>) {
  const created = job?.created_at ?? job?.started_at;
  switch (action) {
    case "queued":
      // Let go by a deployment's reviewers: the job's own times are those from before it waited.
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

/** The action tells the state: the job in a payload may still show the one before. */
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
    // Whatever the action is: it may be one that shows the repository to others, or hides it.
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

const runKey = z.object({ workflow_run: z.object({ id }) })
  .transform((payload) => `run ${payload.workflow_run.id}`);
const jobKey = z.object({ workflow_job: z.object({ run_id: id }) })
  .transform((payload) => `run ${payload.workflow_job.run_id}`);
const repositoryKey = z.object({ repository: z.object({ id }) })
  .transform((payload) => `repository ${payload.repository.id}`);
const installationKey = z.object({ installation: z.object({ id }) })
  .transform((payload) => `installation ${payload.installation.id}`);

interface EventParser {
  /** What it is applied in the order of; its own without one. */
  readonly orderingKey?: z.ZodType<string>;
  readonly changes: z.ZodType<Partial<ChangeSet>>;
}

/**
 * The events that we use, each with what we use of it.
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
  ...PERMISSION_EVENTS,
]);

/**
 * What deliveries are applied in the order of, for example `run 123`; of its own where that cannot be read. `undefined` when
 * we have no use for the event.
 */
export function toOrderingKey(
  delivery: { readonly id: string; readonly event: string },
  payload: object,
): string | undefined {
  const parser = PARSERS.get(delivery.event);
  if (!parser) return undefined;
  return parser.orderingKey?.safeParse(payload).data ?? `delivery ${delivery.id}`;
}

/** What a payload tells that is parsed already; `undefined` when it is not as GitHub documents it. */
export function toChanges(
  { event }: { readonly event: string },
  payload: object,
): ChangeSet | undefined {
  const { data } = PARSERS.get(event)?.changes.safeParse(payload) ?? { data: EMPTY_CHANGE_SET };
  return data && { ...EMPTY_CHANGE_SET, ...data };
}

/**
 * What a delivery tells.
 * @throws {Error} naming the first field that is not as GitHub documents it, never its value
 */
export function parseChanges({ event, payload }: Delivery): ChangeSet {
  const parser = PARSERS.get(event);
  if (!parser) return EMPTY_CHANGE_SET;
  const result = parser.changes.safeParse(JSON.parse(payload));
  if (result.success) return { ...EMPTY_CHANGE_SET, ...result.data };
  const [issue] = result.error.issues;
  const path = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : "";
  throw new Error(`The payload of ${event} is not as documented: ${path}${issue?.message}`);
}

function toIds(repositories: readonly { readonly id: number }[]): number[] {
  return repositories.map((each) => each.id);
}
