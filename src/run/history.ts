import type { Visibility } from "../visibility.ts";
import type { Run } from "./run.ts";

/** Selects a page of runs; all conditions must match. Names are GitHub's, in any case. */
export interface RunQuery {
  /** Runs of other repositories are neither returned nor counted. */
  readonly visibility: Visibility;
  /** `owner/name` */
  readonly repository?: string | undefined;
  readonly workflowId?: number | undefined;
  readonly status?: string | undefined;
  readonly conclusion?: string | undefined;
  readonly event?: string | undefined;
  readonly branch?: string | undefined;
  readonly actor?: string | undefined;
  /** Earliest creation (inclusive), in ms since the epoch. */
  readonly createdFrom?: number | undefined;
  /** Latest creation (exclusive), in ms since the epoch. */
  readonly createdBefore?: number | undefined;
  /** Words of the title, each a prefix of a word; all must match. */
  readonly words?: readonly string[] | undefined;
  /** The order by creation. */
  readonly direction: "asc" | "desc";
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** The number of runs that can be counted and reached by pages; longer lists need a narrower query. */
export const MAX_COUNTED_RUNS = 1_000;

export interface RunList {
  /** Exact up to MAX_COUNTED_RUNS, which also stands for every higher number. */
  readonly total: number;
  readonly runs: readonly Run[];
}

/** An attempt of a run. Times are RFC 3339, as GitHub sends them. */
export interface RunAttempt {
  readonly runAttempt: number;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly startedAt: string | null;
  readonly updatedAt: string;
}

/** A job of a run. Times are RFC 3339, as GitHub sends them. */
export interface Job {
  readonly id: number;
  readonly runId: number;
  readonly runAttempt: number;
  readonly name: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly createdAt: string | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly runnerName: string | null;
  readonly htmlUrl: string | null;
}

export interface RunDetail {
  readonly run: Run;
  /** The known attempts, oldest first; the last is the current state of the run. */
  readonly attempts: readonly RunAttempt[];
  /** The known jobs of all attempts, ordered by attempt and id. */
  readonly jobs: readonly Job[];
}

/** Reads stored runs, without requests to GitHub. All methods throw StorageError. */
export interface RunHistory {
  list(query: RunQuery): Promise<RunList>;
  /** Returns `undefined` if the run is not stored or not visible. */
  detail(id: number, visibility: Visibility): Promise<RunDetail | undefined>;
  /** Returns the `count` latest created visible runs of each workflow, newest first. */
  latestByWorkflow(
    workflowIds: readonly number[],
    options: { readonly count: number; readonly visibility: Visibility },
  ): Promise<readonly Run[]>;
}
