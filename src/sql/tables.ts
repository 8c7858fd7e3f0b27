import type { Generated } from "kysely";
import type { DeliveryState } from "../delivery/delivery.ts";
import type { RunOutcome } from "../run/facts.ts";
import type { AccountTables } from "./account/account_tables.ts";
import type { ClusterTables } from "./cluster/cluster_tables.ts";

/**
 * The tables, alike in SQLite and PostgreSQL. What GitHub wrote as RFC 3339 is kept to the letter (`…_at`), with its
 * instant beside it where something is sorted or compared by it (`…_ms`). Our own times are ms since the epoch.
 */
export interface Tables extends AccountTables, ClusterTables {
  repositories: RepositoryTable;
  workflows: WorkflowTable;
  workflow_runs: RunTable;
  run_attempts: AttemptTable;
  jobs: JobTable;
  run_facts: RunFactsTable;
  statistics: StatisticsTable;
  recompute_queue: RecomputeQueueTable;
  events: EventTable;
  event_counter: EventCounterTable;
  deliveries: DeliveryTable;
  messages: MessageTable;
  backfills: BackfillTable;
}

export interface RepositoryTable {
  id: number;
  full_name: string;
  pushed_at: string | null;
  /** 0 when nothing was ever pushed. */
  pushed_ms: number;
  /** When it was gone for us; `null` while it is there. */
  removed_ms: number | null;
  /** `null` until GitHub has told. */
  default_branch: string | null;
  html_url: string | null;
  /** 1 or 0; `null` where GitHub has not told. */
  is_private: number | null;
  /** Since when it is followed on request. */
  followed_ms: number | null;
  /** When its runs were last asked for. */
  polled_ms: number | null;
  /** Why they cannot be had. */
  error: string | null;
  /** Of the webhook that we created. */
  webhook_id: number | null;
  /** Why there is none; while there is neither, one is still to be created. */
  webhook_error: string | null;
}

export interface WorkflowTable {
  id: number;
  repository: string;
  name: string;
  /** When the run was created that named it so, or GitHub told: an older run may know an older name. */
  name_updated_ms: number;
  /** This and what follows is `null` until GitHub has told. */
  path: string | null;
  state: string | null;
  html_url: string | null;
}

export interface RunTable {
  id: number;
  repository: string;
  workflow_id: number;
  workflow_name: string;
  display_title: string;
  event: string;
  status: string | null;
  conclusion: string | null;
  branch: string | null;
  head_sha: string;
  actor: string | null;
  run_number: number;
  run_attempt: number;
  created_at: string;
  created_ms: number;
  started_at: string | null;
  updated_at: string;
  updated_ms: number;
  html_url: string;
  source: "webhook" | "poll";
  /** 1 until it has completed, then 0: what the Reconciler looks for. */
  is_unfinished: number;
}

/** Goes with its run. The latest attempt is as its run is. */
export interface AttemptTable {
  run_id: number;
  run_attempt: number;
  status: string | null;
  conclusion: string | null;
  started_at: string | null;
  started_ms: number | null;
  updated_at: string;
  updated_ms: number;
  /** 2 when it has completed, 1 while it runs, 0 before. */
  status_rank: number;
}

/** Goes with its run. */
export interface JobTable {
  id: number;
  run_id: number;
  run_attempt: number;
  name: string;
  status: string | null;
  conclusion: string | null;
  created_at: string | null;
  started_at: string | null;
  started_ms: number | null;
  completed_at: string | null;
  completed_ms: number | null;
  runner_name: string | null;
  html_url: string | null;
  /** 2 when it has completed, 1 while it runs, 0 before. */
  status_rank: number;
  /** When it came to this status. */
  observed_ms: number;
}

/** What is counted of a completed run: see RunFacts of run/facts.ts. Times in ms; 1 is yes and 0 is no. */
export interface RunFactsTable {
  run_id: number;
  workflow_id: number;
  branch: string | null;
  /** Whether it is counted as one of the default branch. */
  is_default_branch: number;
  /** The branch, when it is not the default: a column of its own, so that PostgreSQL knows how many runs that is. */
  non_default_branch: string | null;
  head_sha: string;
  created_ms: number;
  ended_ms: number;
  outcome: RunOutcome;
  /** `null` when it says nothing of its commit. */
  is_failure: number | null;
  succeeded_on_retry: number;
  duration_ms: number | null;
  queue_ms: number | null;
  minutes: number;
  reruns: number;
  is_flaky: number;
  recovery_ms: number | null;
}

/** Sums over the runs of a workflow that were created on a day or in a month (UTC): see Sums of run/tally.ts. */
export interface StatisticsTable {
  /** 0 for all workflows together. */
  workflow_id: number;
  unit: "day" | "month";
  /** Days since 1970-01-01; of a month its first. */
  day: number;
  /** The default branch, by its name; empty for all other branches together. */
  branch: string;
  runs: number;
  successes: number;
  failures: number;
  cancelled: number;
  timed_out: number;
  duration_ms: number;
  queue_ms: number;
  reruns: number;
  flaky: number;
  minutes: number;
  recoveries: number;
  recovery_ms: number;
  /** As Histogram writes them. */
  duration_histogram: string;
  queue_histogram: string;
}

/** A repository whose runs are counted again, the oldest first; those up to here are done. */
export interface RecomputeQueueTable {
  /** `owner/name` in lower case */
  repository: string;
  after_ms: number;
  after_id: number;
}

export interface EventTable {
  seq: number;
  at_ms: number;
  /** The event without its number and time, as JSON. */
  event: string;
}

/** One row. Its lock is held until the commit, so that numbers become visible in their order. */
export interface EventCounterTable {
  id: number;
  /** The highest number that was ever given. */
  last_seq: number;
}

export interface DeliveryTable {
  /** In the order in which they came. */
  seq: Generated<number>;
  id: string;
  event: string;
  action: string | null;
  ordering_key: string;
  state: DeliveryState;
  failures: number;
  error: string | null;
  received_ms: number;
  due_ms: number;
  /** `null` unless it is done. */
  done_ms: number | null;
  /** Dropped when it is done. */
  payload: string | null;
}

/** See Message of message/message.ts. */
export interface MessageTable {
  /** The number of the event that tells it. */
  seq: number;
  id: string;
  content: string;
  user_id: string;
  created_ms: number;
}

/** See Progress of run/backfill_progress.ts. */
export interface BackfillTable {
  repository_id: number;
  since_ms: number;
  imported_from_ms: number;
  imported_to_ms: number;
  runs: number;
  estimate: number | null;
  state: "running" | "done" | "failed";
  error: string | null;
  /** 1 when it is one for the background. */
  is_background: number;
  updated_ms: number;
}
