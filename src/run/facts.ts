import type { Job, RunAttempt } from "./history.ts";
import type { Run } from "./run.ts";

/** What became of a run; the rest (skipped, neutral, and what GitHub adds) is neither good nor bad. */
export type RunOutcome = "success" | "failure" | "timed_out" | "cancelled" | "other";

/** What is counted of a completed run by itself. Lengths of time in ms; `null` where there is none to tell of. */
export interface SingleRunFacts {
  readonly outcome: RunOutcome;
  readonly durationMs: number | null;
  readonly queueMs: number | null;
  readonly minutes: number;
  readonly reruns: number;
  /** It succeeded after an earlier attempt had failed. */
  readonly succeededOnRetry: boolean;
}

/** What is counted of a run, also beside the other runs of its workflow. */
export interface RunFacts extends SingleRunFacts {
  readonly isFlaky: boolean;
  /** How long its branch was red until it turned green; of default branches. */
  readonly recoveryMs: number | null;
}

export type AttemptConclusion = Pick<RunAttempt, "runAttempt" | "conclusion">;

const OUTCOMES: Readonly<Record<string, RunOutcome>> = {
  success: "success",
  failure: "failure",
  startup_failure: "failure",
  timed_out: "timed_out",
  cancelled: "cancelled",
};
const MINUTE_MS = 60_000;

/** https://docs.github.com/en/rest/actions/workflow-runs lists the conclusions. */
export function toOutcome(conclusion: string | null): RunOutcome {
  return OUTCOMES[conclusion ?? ""] ?? "other";
}

/** Whether a run went wrong (true) or well (false); `undefined` when it says nothing of its commit. */
export function isFailure(outcome: RunOutcome): boolean | undefined {
  if (outcome === "success") return false;
  return outcome === "failure" || outcome === "timed_out" ? true : undefined;
}

/** What is counted of a completed run; of `attempts` and `jobs` those that we heard of. docs/statistics.md has it in words. */
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

/** From the start of the last attempt to the first start of one of its jobs. */
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

/** GitHub writes a start also into a job that waits, and into one that was skipped. */
function hasRun({ status, conclusion, startedAt }: Job): boolean {
  return startedAt !== null && conclusion !== "skipped" &&
    (status === "in_progress" || status === "completed");
}

/** Whether the last attempt before this one that says something of the commit went wrong. */
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
