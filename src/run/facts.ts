import type { Job, RunAttempt } from "./history.ts";
import type { Run } from "./run.ts";

/** The outcome of a run; `other` (skipped, neutral, and future conclusions) is neither a success nor a failure. */
export type RunOutcome = "success" | "failure" | "timed_out" | "cancelled" | "other";

/** The facts of a completed run on its own. Durations in ms; `null` if not applicable. */
interface SingleRunFacts {
  readonly outcome: RunOutcome;
  readonly durationMs: number | null;
  readonly queueMs: number | null;
  readonly minutes: number;
  readonly reruns: number;
  /** Whether the run succeeded after an earlier attempt had failed. */
  readonly succeededOnRetry: boolean;
}

/** The facts of a run, some of which depend on other runs of its workflow. */
export interface RunFacts extends SingleRunFacts {
  readonly isFlaky: boolean;
  /** The time from the first failure of its branch to this success; default branches only. */
  readonly recoveryMs: number | null;
}

type AttemptConclusion = Pick<RunAttempt, "runAttempt" | "conclusion">;

const OUTCOMES: Readonly<Record<string, RunOutcome>> = {
  success: "success",
  failure: "failure",
  startup_failure: "failure",
  timed_out: "timed_out",
  cancelled: "cancelled",
};
const MINUTE_MS = 60_000;

/** https://docs.github.com/en/rest/actions/workflow-runs lists the conclusions. */
function toOutcome(conclusion: string | null): RunOutcome {
  return OUTCOMES[conclusion ?? ""] ?? "other";
}

/** Whether a run failed (true) or succeeded (false); `undefined` if the outcome says nothing about its commit. */
export function isFailure(outcome: RunOutcome): boolean | undefined {
  if (outcome === "success") return false;
  return outcome === "failure" || outcome === "timed_out" ? true : undefined;
}

/** Computes the facts of a completed run from its known attempts and jobs; docs/statistics.md defines them. */
export function computeFacts(
  run: Run,
  { attempts, jobs }: {
    readonly attempts: readonly AttemptConclusion[];
    readonly jobs: readonly Job[];
  },
): SingleRunFacts {
  const outcome = toOutcome(run.conclusion);
  const elapsedMs = msBetween(run.startedAt ?? run.createdAt, run.updatedAt);
  return {
    outcome,
    durationMs: isFailure(outcome) === undefined ? null : elapsedMs,
    queueMs: computeQueueMs(run, jobs),
    minutes: jobs.length > 0 ? sumMinutes(jobs) : outcome === "other" ? 0 : ceilMinutes(elapsedMs),
    reruns: run.runAttempt - 1,
    succeededOnRetry: outcome === "success" && hasFailedBefore(run, attempts),
  };
}

/** Returns the time from the start of the last attempt to the start of its first job. */
function computeQueueMs(run: Run, jobs: readonly Job[]): number | null {
  const starts = jobs.filter((job) => job.runAttempt === run.runAttempt && hasRun(job))
    .map(({ startedAt }) => Date.parse(startedAt ?? ""));
  if (starts.length === 0) return null;
  const first = starts.reduce((a, b) => Math.min(a, b));
  return Math.max(0, first - Date.parse(run.startedAt ?? run.createdAt));
}

function sumMinutes(jobs: readonly Job[]): number {
  return jobs.filter(hasRun).reduce(
    (sum, { startedAt, completedAt }) =>
      startedAt && completedAt ? sum + ceilMinutes(msBetween(startedAt, completedAt)) : sum,
    0,
  );
}

/** Whether a job was executed: GitHub also sets a start time on queued and skipped jobs. */
function hasRun({ status, conclusion, startedAt }: Job): boolean {
  return startedAt !== null && conclusion !== "skipped" &&
    (status === "in_progress" || status === "completed");
}

/** Whether the last conclusive attempt before this one failed. */
function hasFailedBefore(run: Run, attempts: readonly AttemptConclusion[]): boolean {
  const conclusive = attempts
    .filter(({ runAttempt }) => runAttempt < run.runAttempt)
    .filter(({ conclusion }) => isFailure(toOutcome(conclusion)) !== undefined)
    .reduce<AttemptConclusion | undefined>(
      (last, each) => last && last.runAttempt > each.runAttempt ? last : each,
      undefined,
    );
  return conclusive !== undefined && isFailure(toOutcome(conclusive.conclusion)) === true;
}

function msBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

function ceilMinutes(ms: number): number {
  return Math.ceil(ms / MINUTE_MS);
}
