import type { Visibility } from "../visibility.ts";

/** A length of time in seconds, over many runs. `null` where there is none to tell of. */
export interface Distribution {
  readonly avg: number | null;
  /** Off by PERCENTILE_ERROR of its value at the most. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** The greatest relative error of a percentile; everything else is exact. */
export const PERCENTILE_ERROR = 0.01;

/** What became of the runs of some workflows in some days (docs/statistics.md says how each is counted). */
export interface RunStatistics {
  readonly runs: number;
  readonly successes: number;
  readonly failures: number;
  readonly cancelled: number;
  readonly timedOut: number;
  /** successes / (successes + failures + timedOut); `null` of nothing. */
  readonly successRate: number | null;
  readonly duration: Distribution;
  readonly queue: Distribution;
  readonly reruns: number;
  readonly flaky: number;
  readonly minutesUsed: number;
  /** From the first failure to the next success, on default branches: how often, and how long on average. */
  readonly recoveries: number;
  readonly redToGreenSeconds: number | null;
}

export type Grouping = "day" | "week" | "workflow" | "repository";

export interface StatisticsQuery {
  /** Runs of other repositories count nowhere. */
  readonly visibility: Visibility;
  /** UTC days, `2026-01-31`, both included. */
  readonly from: string;
  readonly to: string;
  /** `owner/name`, in any case. */
  readonly repository?: string | undefined;
  readonly workflowId?: number | undefined;
  readonly branch?: string | undefined;
  readonly groupBy: Grouping;
  /** Days and weeks come from the first to the last, workflows and repositories those with most runs first. */
  readonly page: number;
  readonly perPage: number;
}

export interface StatisticsGroup {
  /** A day, the Monday that a week begins with, a workflow's id, or `owner/name`. */
  readonly key: string;
  /** Of a workflow. */
  readonly workflow?: { readonly id: number; readonly name: string; readonly repository: string };
  readonly statistics: RunStatistics;
}

export interface Statistics {
  readonly totals: RunStatistics;
  readonly totalGroups: number;
  readonly groups: readonly StatisticsGroup[];
}

/** Reads statistics; never asks GitHub. All throw StorageError. */
export interface StatisticsStore {
  query(query: StatisticsQuery): Promise<Statistics>;
}
