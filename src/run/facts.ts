import type { Attempt, Job } from "./history.ts";
import type { Run } from "./run.ts";

/** What became of a run; the rest (skipped, neutral, and what GitHub adds) is neither good nor bad. */
export type Verdict = "success" | "failure" | "timed_out" | "cancelled" | "other";

/** What is counted of a completed run by itself. Lengths of time in ms; `null` where there is none to tell of. */
export interface OwnFacts {
  readonly verdict: Verdict;
  readonly durationMs: number | null;
  readonly queueMs: number | null;
  readonly minutes: number;
  readonly reruns: number;
  /** It succeeded after an earlier attempt had failed. */
  readonly isRetried: boolean;
}

/** What is counted of a run, also beside the other runs of its workflow. */
export interface RunFacts extends OwnFacts {
  readonly isFlaky: boolean;
  /** How long its branch was red until it turned green; of default branches. */
  readonly recoveryMs: number | null;
}

export type AttemptEnd = Pick<Attempt, "runAttempt" | "conclusion">;

const VERDICTS: Readonly<Record<string, Verdict>> = {
  success: "success",
  failure: "failure",
  startup_failure: "failure",
  timed_out: "timed_out",
  cancelled: "cancelled",
};
const MINUTE_MS = 60_000;

/** https://docs.github.com/en/rest/actions/workflow-runs lists the conclusions. */
export function verdictOf(conclusion: string | null): Verdict {
  return VERDICTS[conclusion ?? ""] ?? "other";
}

/** Whether a run went wrong (true) or well (false); `undefined` when it says nothing of its commit. */
export function isRed(verdict: Verdict): boolean | undefined {
  if (verdict === "success") return false;
  return verdict === "failure" || verdict === "timed_out" ? true : undefined;
}

/** What is counted of a completed run; of `attempts` and `jobs` those that we heard of. docs/statistics.md has it in words. */
export function ownFacts(
  run: Run,
  { attempts, jobs }: {
    readonly attempts: readonly AttemptEnd[];
    readonly jobs: readonly Job[];
  },
): OwnFacts {
  const verdict = verdictOf(run.conclusion);
  const tookMs = msBetween(run.startedAt ?? run.createdAt, run.updatedAt);
  return {
    verdict,
    durationMs: isRed(verdict) === undefined ? null : tookMs,
    queueMs: queueMs(run, jobs),
    minutes: jobs.length > 0 ? minutesOf(jobs) : verdict === "other" ? 0 : wholeMinutes(tookMs),
    reruns: run.runAttempt - 1,
    isRetried: verdict === "success" && failedBefore(run, attempts),
  };
}

/** From the start of the last attempt to the first start of one of its jobs. */
function queueMs(run: Run, jobs: readonly Job[]): number | null {
  const starts = jobs.filter((job) => job.runAttempt === run.runAttempt && hasRun(job))
    .map(({ startedAt }) => Date.parse(startedAt ?? ""));
  if (starts.length === 0) return null;
  const first = starts.reduce((a, b) => Math.min(a, b));
  return Math.max(0, first - Date.parse(run.startedAt ?? run.createdAt));
}

function minutesOf(jobs: readonly Job[]): number {
  return jobs.filter(hasRun).reduce(
    (sum, { startedAt, completedAt }) =>
      startedAt && completedAt ? sum + wholeMinutes(msBetween(startedAt, completedAt)) : sum,
    0,
  );
}

/** GitHub writes a start also into a job that waits, and into one that was skipped. */
function hasRun({ status, conclusion, startedAt }: Job): boolean {
  return startedAt !== null && conclusion !== "skipped" &&
    (status === "in_progress" || status === "completed");
}

/** Whether the last attempt before this one that says something of the commit went wrong. */
function failedBefore(run: Run, attempts: readonly AttemptEnd[]): boolean {
  const telling = attempts
    .filter(({ runAttempt }) => runAttempt < run.runAttempt)
    .filter(({ conclusion }) => isRed(verdictOf(conclusion)) !== undefined)
    .reduce<AttemptEnd | undefined>(
      (last, each) => last && last.runAttempt > each.runAttempt ? last : each,
      undefined,
    );
  return telling !== undefined && isRed(verdictOf(telling.conclusion)) === true;
}

function msBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

function wholeMinutes(ms: number): number {
  return Math.ceil(ms / MINUTE_MS);
}
