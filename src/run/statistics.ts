import type { Visibility } from "../visibility.ts";

/** The distribution of a duration over runs, in seconds; `null` without values. */
export interface Distribution {
  readonly avg: number | null;
  /** Percentiles have a relative error of at most PERCENTILE_ERROR. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** The maximum relative error of a percentile; every other number is exact. */
export const PERCENTILE_ERROR = 0.01;

/** Statistics of completed runs; docs/statistics.md defines each number. */
export interface RunStatistics {
  readonly runs: number;
  readonly successes: number;
  readonly failures: number;
  readonly cancelled: number;
  readonly timedOut: number;
  /** successes / (successes + failures + timedOut); `null` without such runs. */
  readonly successRate: number | null;
  readonly duration: Distribution;
  readonly queue: Distribution;
  readonly reruns: number;
  readonly flaky: number;
  readonly minutesUsed: number;
  /** Recoveries of default branches: a first failure followed by a success. */
  readonly recoveries: number;
  /** The mean time of a recovery; `null` without recoveries. */
  readonly redToGreenSeconds: number | null;
}

export type Grouping = "day" | "week" | "workflow" | "repository";

export interface StatisticsQuery {
  /** Runs of other repositories are not counted. */
  readonly visibility: Visibility;
  /** The first UTC day, for example `2026-01-31`. */
  readonly from: string;
  /** The last UTC day (inclusive). */
  readonly to: string;
  /** `owner/name`, in any case. */
  readonly repository?: string | undefined;
  readonly workflowId?: number | undefined;
  readonly branch?: string | undefined;
  readonly groupBy: Grouping;
  /** Pages of groups: days and weeks in ascending order, workflows and repositories by descending number of runs. */
  readonly page: number;
  readonly perPage: number;
}

export interface StatisticsGroup {
  /** A day, the Monday of a week, the id of a workflow, or `owner/name`. */
  readonly key: string;
  /** Only if grouped by workflow. */
  readonly workflow?: { readonly id: number; readonly name: string; readonly repository: string };
  readonly statistics: RunStatistics;
}

export interface Statistics {
  readonly totals: RunStatistics;
  readonly totalGroups: number;
  readonly groups: readonly StatisticsGroup[];
}

/** Reads statistics, without requests to GitHub. All methods throw StorageError. */
export interface StatisticsStore {
  query(query: StatisticsQuery): Promise<Statistics>;
}
