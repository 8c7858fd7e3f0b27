import { z } from "zod";
import type { Delivery } from "../delivery/delivery.ts";
import type { Repository } from "../repository/repository.ts";
import { type ChangeSet, type JobState, EMPTY_CHANGE_SET } from "../run/change_set.ts";
import { ACCESS_EVENTS } from "./access_event.ts";
import { repositoryFields, toRepository } from "./repository.ts";
import { jobAnswer, toJob } from "./job.ts";
import { runAnswer, toRun } from "./run.ts";

/** The end of the year 9999, the last that RFC 3339 can write. */
const LAST_SECOND = 253_402_300_799;

const id = z.int();
const time = z.iso.datetime({ offset: true });
const action = z.string();

/** Unix seconds in `push`, RFC 3339 everywhere else; missing where an installation lists its repositories. */
const pushedAt = z.union([z.int().min(0).max(LAST_SECOND).transform((s) => s * 1_000), time])
  .transform((at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z"));

const repository = z.object({ ...repositoryFields, pushed_at: pushedAt.nullish() })
  .transform((answer): Repository => toRepository(answer, answer.pushed_at));

const workflowRun = z.object({
  // Old servers leave out the path.
  workflow_run: runAnswer.extend({ path: z.string().default("") })
    .transform((run) => toRun(run, "webhook")).nullish(),
}).transform(({ workflow_run: run }): Partial<ChangeSet> => run ? { runs: [run] } : {});

const workflowJob = z.object({
  action,
  workflow_job: jobAnswer.partial({ id: true, name: true }).nullish(),
  deployment: z.object({ updated_at: time }).nullish(),
  repository: z.object({ full_name: z.string() }),
});

/** When a job came to where the action says it is; `undefined` for actions that we do not know. */
function jobTime({ action, workflow_job: job, deployment }: z.infer<typeof workflowJob>) {
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
  const at = jobTime(payload);
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
      ? { removedRepositories: idsOf(repositories ?? []) }
      : { repositories: repositories ?? [] }),
    accessChanged: "all",
  }));

const installationRepositories = z.object({
  repositories_added: z.array(repository).nullish(),
  repositories_removed: z.array(z.object({ id })).nullish(),
}).transform((payload): Partial<ChangeSet> => {
  const repositories = payload.repositories_added ?? [];
  const removedRepositories = idsOf(payload.repositories_removed ?? []);
  const accessChanged = [...idsOf(repositories), ...removedRepositories];
  return { repositories, removedRepositories, accessChanged };
});

const ofRun = z.object({ workflow_run: z.object({ id }) })
  .transform((payload) => `run ${payload.workflow_run.id}`);
const ofJob = z.object({ workflow_job: z.object({ run_id: id }) })
  .transform((payload) => `run ${payload.workflow_job.run_id}`);
const ofRepository = z.object({ repository: z.object({ id }) })
  .transform((payload) => `repository ${payload.repository.id}`);
const ofInstallation = z.object({ installation: z.object({ id }) })
  .transform((payload) => `installation ${payload.installation.id}`);

interface EventReader {
  /** What it is applied in the order of; its own without one. */
  readonly subject?: z.ZodType<string>;
  readonly changes: z.ZodType<Partial<ChangeSet>>;
}

/**
 * The events that we use, each with what we use of it.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
const READERS: ReadonlyMap<string, EventReader> = new Map<string, EventReader>([
  ["workflow_run", { subject: ofRun, changes: workflowRun }],
  ["workflow_job", { subject: ofJob, changes: jobChange }],
  ["push", { subject: ofRepository, changes: push }],
  ["repository", { subject: ofRepository, changes: repositoryChange }],
  ["installation", { subject: ofInstallation, changes: installation }],
  ["installation_repositories", {
    subject: ofInstallation,
    changes: installationRepositories,
  }],
  ...ACCESS_EVENTS,
]);

/**
 * What deliveries are applied in the order of, for example `run 123`; of its own where that cannot be read. `undefined` when
 * we have no use for the event.
 */
export function subjectOf(
  delivery: { readonly id: string; readonly event: string },
  payload: object,
): string | undefined {
  const reader = READERS.get(delivery.event);
  if (!reader) return undefined;
  return reader.subject?.safeParse(payload).data ?? `delivery ${delivery.id}`;
}

/** What a payload tells that is parsed already; `undefined` when it is not as GitHub documents it. */
export function changesIn(
  { event }: { readonly event: string },
  payload: object,
): ChangeSet | undefined {
  const { data } = READERS.get(event)?.changes.safeParse(payload) ?? { data: EMPTY_CHANGE_SET };
  return data && { ...EMPTY_CHANGE_SET, ...data };
}

/**
 * What a delivery tells.
 * @throws {Error} naming the first field that is not as GitHub documents it, never its value
 */
export function changesOf({ event, payload }: Delivery): ChangeSet {
  const reader = READERS.get(event);
  if (!reader) return EMPTY_CHANGE_SET;
  const result = reader.changes.safeParse(JSON.parse(payload));
  if (result.success) return { ...EMPTY_CHANGE_SET, ...result.data };
  const [issue] = result.error.issues;
  const where = issue?.path.length ? `${z.core.toDotPath(issue.path)}: ` : "";
  throw new Error(`The payload of ${event} is not as documented: ${where}${issue?.message}`);
}

function idsOf(repositories: readonly { readonly id: number }[]): number[] {
  return repositories.map((each) => each.id);
}
