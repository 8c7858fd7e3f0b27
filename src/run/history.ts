import type { Visibility } from "../visibility.ts";
import type { Run } from "./run.ts";

/** Which runs of the past somebody asks for; all conditions hold at once. Names are GitHub's, in any case. */
export interface RunQuery {
  /** Runs of other repositories are neither listed nor counted. */
  readonly visibility: Visibility;
  /** `owner/name` */
  readonly repository?: string | undefined;
  readonly workflowId?: number | undefined;
  readonly status?: string | undefined;
  readonly conclusion?: string | undefined;
  readonly event?: string | undefined;
  readonly branch?: string | undefined;
  readonly actor?: string | undefined;
  /** Created from here on, in ms since the epoch. */
  readonly createdFrom?: number | undefined;
  /** Created before (exclusive), in ms since the epoch. */
  readonly createdBefore?: number | undefined;
  /** Words, each of which begins a word of the title. */
  readonly words?: readonly string[] | undefined;
  /** By creation. */
  readonly direction: "asc" | "desc";
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** What may be reached by pages, and is counted: beyond it a list is to be narrowed. */
export const MAX_COUNTED_RUNS = 1_000;

export interface RunList {
  /** Exact up to MAX_LISTED, which also stands for everything above it. */
  readonly total: number;
  readonly runs: readonly Run[];
}

/** One try of a run. Times are RFC 3339, as GitHub writes them. */
export interface RunAttempt {
  readonly runAttempt: number;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly startedAt: string | null;
  readonly updatedAt: string;
}

/** A job of a run. Times are RFC 3339, as GitHub writes them. */
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
  /** Those that we heard of, the first first; the last is how the run is now. */
  readonly attempts: readonly RunAttempt[];
  /** Those that we heard of, of all attempts, in order of attempt and id. */
  readonly jobs: readonly Job[];
}

/** Reads what is kept of runs; never asks GitHub. All throw StorageError. */
export interface RunHistory {
  list(query: RunQuery): Promise<RunList>;
  /** `undefined` when no such run is kept, or it may not be seen. */
  detail(id: number, visibility: Visibility): Promise<RunDetail | undefined>;
  /** Of each of these workflows its `count` latest created runs that may be seen, newest first. */
  latestByWorkflow(
    workflowIds: readonly number[],
    options: { readonly count: number; readonly visibility: Visibility },
  ): Promise<readonly Run[]>;
}
