import { DAY_MS } from "../../clock.ts";
import { Histogram } from "../../run/histogram.ts";
import { type Counters, mapCounters, RunAggregate } from "../../run/aggregate.ts";
import type { RunFactsTable, StatisticsTable } from "../tables.ts";

/** The workflow whose rows are those of all workflows. */
export const ALL_WORKFLOWS = 0;
/** Of rows of all runs that are not on the default branch. */
export const OTHER_BRANCHES = "";

/** Which row of the table. */
export type StatisticsKey = Pick<StatisticsTable, "workflow_id" | "unit" | "day" | "branch">;

/** Which column has which sum. */
export const COUNTER_COLUMNS = {
  runs: "runs",
  successes: "successes",
  failures: "failures",
  cancelled: "cancelled",
  timedOut: "timed_out",
  durationMs: "duration_ms",
  queueMs: "queue_ms",
  reruns: "reruns",
  flaky: "flaky",
  minutes: "minutes",
  recoveries: "recoveries",
  recoveryMs: "recovery_ms",
} as const satisfies Record<keyof Counters, keyof StatisticsTable>;

/** The rows in which a run is counted. */
export function toStatisticsKeys(run: RunFactsTable): readonly StatisticsKey[] {
  const branch = run.is_default_branch === 1 && run.branch !== null ? run.branch : OTHER_BRANCHES;
  const day = Math.floor(run.created_ms / DAY_MS);
  return [ALL_WORKFLOWS, run.workflow_id].flatMap((workflow_id) => [
    { workflow_id, unit: "day", day, branch },
    { workflow_id, unit: "month", day: startOfMonth(day), branch },
  ]);
}

/** Days since 1970-01-01, as `day`. */
export function startOfMonth(day: number): number {
  const date = new Date(day * DAY_MS);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / DAY_MS;
}

export function toStatisticsRow(
  key: StatisticsKey,
  { counters: sums, durations, queues }: RunAggregate,
): StatisticsTable {
  return {
    ...key,
    runs: sums.runs,
    successes: sums.successes,
    failures: sums.failures,
    cancelled: sums.cancelled,
    timed_out: sums.timedOut,
    duration_ms: sums.durationMs,
    queue_ms: sums.queueMs,
    reruns: sums.reruns,
    flaky: sums.flaky,
    minutes: sums.minutes,
    recoveries: sums.recoveries,
    recovery_ms: sums.recoveryMs,
    duration_histogram: durations.toString(),
    queue_histogram: queues.toString(),
  };
}

/** Of a row, or of several whose sums are added up and whose histograms are joined by commas. */
export function toAggregate(row: Omit<StatisticsTable, keyof StatisticsKey>): RunAggregate {
  return new RunAggregate({
    counters: mapCounters((name) => row[COUNTER_COLUMNS[name]]),
    durations: Histogram.parse(row.duration_histogram),
    queues: Histogram.parse(row.queue_histogram),
  });
}
