import type { Repository, Workflow } from "./repository.ts";
import { timestamp } from "./timestamp.ts";

/** The state of a workflow run with GitHub's field names. Times are RFC 3339 in whole seconds. */
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
  /** `undefined` omits the field from the JSON. */
  readonly run_attempt: number | undefined;
  /** A login. */
  readonly actor: string | null;
  readonly triggering_actor: string | null;
  readonly created_at: string;
  /** Start of this attempt. */
  readonly run_started_at: string | null;
  readonly updated_at: string;
}

/** A run, by default queued now. */
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

/** The automatic progress of a run: queued, running, completed. */
export interface Timeline {
  readonly queued_seconds: number;
  readonly running_seconds: number;
  readonly conclusion: string;
}

/** The fields of a new run, with realistic defaults. Without a timeline the run does not progress. */
export type RunFields = Partial<Omit<WorkflowRun, "repository">> & { readonly timeline?: Timeline };

/** A run and its pending transitions, earliest first. */
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

/** The transitions of a timeline from `start` (ms since the epoch). */
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

/** Applies all transitions due at `now` (ms since the epoch). */
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

/** Applies the next transition, if any. */
export function applyNext(scheduled: ScheduledRun): ScheduledRun {
  const [next, ...pending] = scheduled.pending;
  return next
    ? { ...applyDue({ run: scheduled.run, pending: [next] }, next.at), pending }
    : scheduled;
}

/** The next attempt of a run, queued at `now`. */
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

/** The same runs under the new name of their repository. */
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
