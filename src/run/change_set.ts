import type { Repository } from "../repository/repository.ts";
import type { Job } from "./history.ts";
import type { Run } from "./run.ts";

/** The changes that GitHub reported at once. They may be known already, or older than the stored state. */
export interface ChangeSet {
  readonly runs: readonly Run[];
  readonly jobs: readonly JobState[];
  /** The current state of repositories. */
  readonly repositories: readonly Repository[];
  /** The ids of repositories that were deleted or removed from the App's installation. */
  readonly removedRepositories: readonly number[];
  /** The ids of repositories whose visibility has changed; "all" if GitHub does not say which. */
  readonly accessChanged: readonly number[] | "all";
  /** The ids of users who revoked their authorization. */
  readonly revokedUsers: readonly number[];
}

export const EMPTY_CHANGE_SET: ChangeSet = {
  runs: [],
  jobs: [],
  repositories: [],
  removedRepositories: [],
  accessChanged: [],
  revokedUsers: [],
};

/** The state of a job, which implies a state of its run. */
export interface JobState {
  readonly runId: number;
  /** `owner/name` */
  readonly repository: string;
  readonly runAttempt: number;
  readonly status: string;
  /** When the job reached this state, RFC 3339. */
  readonly at: string;
  /** The whole job in this state, if GitHub sent it. */
  readonly job?: Job;
}

/** A job, and when it reached its status, RFC 3339. Of two states of a job, the more advanced one is the later. */
export interface ReportedJob {
  readonly job: Job;
  readonly at: string;
}

/**
 * Returns the run in the state that a job implies, or `run` itself if the job adds nothing. A run is in progress as soon as
 * one of its jobs has started; a completed job says nothing about the others.
 */
export function applyJobState(run: Run, job: JobState): Run {
  if (job.runAttempt !== run.runAttempt || run.status === "completed") return run;
  const status = job.status === "completed" ? "in_progress" : job.status;
  const isAdvance = status === "in_progress" || run.status !== "in_progress";
  if (!isAdvance || Date.parse(job.at) < Date.parse(run.updatedAt)) return run;
  return { ...run, status, updatedAt: job.at, source: "webhook" };
}
