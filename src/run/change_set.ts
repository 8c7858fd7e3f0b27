import type { Repository } from "../repository/repository.ts";
import type { Job } from "./history.ts";
import type { Run } from "./run.ts";

/** What GitHub told us in one go, in our words. What is told may be known already, or be older than what is known. */
export interface ChangeSet {
  readonly runs: readonly Run[];
  readonly jobs: readonly JobState[];
  /** Repositories as they are now. */
  readonly repositories: readonly Repository[];
  /** The ids of repositories that are gone for us: deleted, or taken from the App's installation. */
  readonly removedRepositories: readonly number[];
  /** The ids of repositories that other users may see now than before; "all" where it is not told which. */
  readonly accessChanged: readonly number[] | "all";
  /** The ids of users who no longer let us act for them. */
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

/** How a job of a run stands: a hint that the run has moved. */
export interface JobState {
  readonly runId: number;
  /** `owner/name` */
  readonly repository: string;
  readonly runAttempt: number;
  readonly status: string;
  /** When the job got there, RFC 3339. */
  readonly at: string;
  /** The job in that state, where GitHub told all of it. */
  readonly job?: Job;
}

/** A job, and when it came to its status, RFC 3339. Of two states of a job the one that has come further is the later. */
export interface ReportedJob {
  readonly job: Job;
  readonly at: string;
}

/**
 * The run as a job of it shows it; the run itself where the job tells nothing new. A run is in progress as soon as one of
 * its jobs has started; that a job has ended says nothing of the others.
 */
export function applyJobState(run: Run, job: JobState): Run {
  if (job.runAttempt !== run.runAttempt || run.status === "completed") return run;
  const status = job.status === "completed" ? "in_progress" : job.status;
  const isAdvance = status === "in_progress" || run.status !== "in_progress";
  if (!isAdvance || Date.parse(job.at) < Date.parse(run.updatedAt)) return run;
  return { ...run, status, updatedAt: job.at, source: "webhook" };
}
