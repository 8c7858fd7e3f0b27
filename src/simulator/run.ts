import type { Repository, Workflow } from "./repository.ts";
import { timestamp } from "./timestamp.ts";

/** A workflow run as it stands at a moment, in GitHub's names. Times are RFC 3339 in whole seconds. */
export interface WorkflowRun {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly workflow_id: number;
  readonly name: string | null;
  readonly display_title: string;
  readonly event: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly head_branch: string | null;
  readonly head_sha: string;
  readonly path: string;
  readonly run_number: number;
  /** `undefined` leaves the field out of the JSON. */
  readonly run_attempt: number | undefined;
  /** The logins. */
  readonly actor: string | null;
  readonly triggering_actor: string | null;
  readonly created_at: string;
  /** When this attempt started. */
  readonly run_started_at: string | null;
  readonly updated_at: string;
}

/** A run that is queued now, or whatever `fields` say. */
export function createRun(
  fields: Partial<WorkflowRun>,
  { at, repository, workflow, ...rest }:
    & {
      /** Milliseconds since the epoch. */
      readonly at: number;
      readonly repository: Repository;
      readonly workflow: Workflow;
    }
    & Pick<WorkflowRun, "id" | "head_sha" | "run_number">,
): WorkflowRun {
  const created_at = fields.created_at ?? timestamp(at);
  const actor = fields.actor === undefined ? "octocat" : fields.actor;
  return {
    repository: repository.full_name,
    workflow_id: workflow.id,
    name: workflow.name,
    display_title: "Update README.md",
    event: "push",
    status: "queued",
    conclusion: fields.status === "completed" ? "success" : null,
    head_branch: repository.default_branch,
    path: workflow.path,
    run_attempt: 1,
    actor,
    triggering_actor: actor,
    created_at,
    run_started_at: created_at,
    updated_at: created_at,
    ...rest,
    ...fields,
  };
}

/** How a run goes on by itself: it waits, it runs, it ends. */
export interface Timeline {
  readonly queued_seconds: number;
  readonly running_seconds: number;
  readonly conclusion: string;
}

/** What a run is to be; everything left out gets a lifelike value. Without a timeline it stays as it is. */
export type RunFields = Partial<Omit<WorkflowRun, "repository">> & { readonly timeline?: Timeline };

/** A run and what is still to come of it, earliest first. */
export interface ScheduledRun {
  readonly run: WorkflowRun;
  readonly pending: readonly Transition[];
}

interface Transition {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly status: string;
  readonly conclusion: string | null;
}

/** What a timeline that begins at `start` (ms since the epoch) brings. */
export function toTransitions(
  timeline: Timeline | undefined,
  start: number,
): readonly Transition[] {
  if (!timeline) return [];
  const startsAt = start + timeline.queued_seconds * 1000;
  const endsAt = startsAt + timeline.running_seconds * 1000;
  return [
    { at: startsAt, status: "in_progress", conclusion: null },
    { at: endsAt, status: "completed", conclusion: timeline.conclusion },
  ];
}

/** The course after everything that was due at `now` (ms since the epoch) has happened. */
export function applyDue(scheduled: ScheduledRun, now: number): ScheduledRun {
  const due = scheduled.pending.filter((transition) => transition.at <= now);
  const last = due.at(-1);
  if (!last) return scheduled;
  const { at, status, conclusion } = last;
  return {
    run: { ...scheduled.run, status, conclusion, updated_at: timestamp(at) },
    pending: scheduled.pending.slice(due.length),
  };
}

/** The course after the next of what is ahead; itself when nothing is. */
export function applyNext(scheduled: ScheduledRun): ScheduledRun {
  const [next, ...pending] = scheduled.pending;
  return next
    ? { ...applyDue({ run: scheduled.run, pending: [next] }, next.at), pending }
    : scheduled;
}

/** Another attempt of the same run, from its beginning. */
export function nextAttempt(run: WorkflowRun, now: number): WorkflowRun {
  const at = timestamp(now);
  return {
    ...run,
    run_attempt: (run.run_attempt ?? 1) + 1,
    status: "queued",
    conclusion: null,
    run_started_at: at,
    updated_at: at,
  };
}

/** The same runs, of a repository that is called so now. */
export function renameRuns(
  runs: ReadonlyMap<number, ScheduledRun>,
  repository: string,
): Map<number, ScheduledRun> {
  return new Map(
    [...runs].map(([id, { run, pending }]) => [id, { run: { ...run, repository }, pending }]),
  );
}

/** Newest first, as GitHub lists them. */
export function compareNewestFirst(a: WorkflowRun, b: WorkflowRun): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || b.id - a.id;
}
