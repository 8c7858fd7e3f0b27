import type { Generated } from "kysely";
import type { DeliveryState } from "../delivery/delivery.ts";
import type { RunOutcome } from "../run/facts.ts";
import type { AccountTables } from "./account/account_tables.ts";
import type { ClusterTables } from "./cluster/cluster_tables.ts";
import type { RunTable } from "./run/run_row.ts";

/**
 * The tables, the same in SQLite and PostgreSQL. Times from GitHub are stored as received (`…_at`, RFC 3339), and also in
 * milliseconds (`…_ms`) if queries sort or compare them. Other times are milliseconds since the epoch. Booleans are 1 or 0.
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
  /** 0 if nothing was ever pushed. */
  pushed_ms: number;
  /** When GitHub deleted it or withdrew access; `null` otherwise. */
  removed_ms: number | null;
  /** `null` until GitHub has reported it. */
  default_branch: string | null;
  html_url: string | null;
  /** `null` until GitHub has reported it. */
  is_private: number | null;
  /** When it was followed; `null` if it is not. */
  followed_ms: number | null;
  /** When its runs were last polled. */
  polled_ms: number | null;
  /** Why polling fails; `null` if it does not. */
  error: string | null;
  /** The webhook that Runwire created; `null` without one. */
  webhook_id: number | null;
  /** Why there is no webhook; `null` with a `null` webhook_id means that it is still to be created. */
  webhook_error: string | null;
}

export interface WorkflowTable {
  id: number;
  repository: string;
  name: string;
  /** When the run with this name was created, or GitHub listed it: a run created before does not rename the workflow. */
  name_updated_ms: number;
  /** This and the following columns are `null` until GitHub has listed the workflow. */
  path: string | null;
  state: string | null;
  html_url: string | null;
}

/** Deleted with its run. The latest attempt has the state of the run. */
export interface AttemptTable {
  run_id: number;
  run_attempt: number;
  status: string | null;
  conclusion: string | null;
  started_at: string | null;
  started_ms: number | null;
  updated_at: string;
  updated_ms: number;
  /** See statusRank of run/run_row.ts. */
  status_rank: number;
}

/** Deleted with its run. */
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
  /** See statusRank of run/run_row.ts. */
  status_rank: number;
  /** When it reached this status. */
  observed_ms: number;
}

/** The facts of a completed run: see RunFacts of src/run/facts.ts. */
export interface RunFactsTable {
  run_id: number;
  workflow_id: number;
  branch: string | null;
  /** Whether the statistics count it as a run of the default branch. */
  is_default_branch: number;
  /** The branch if it is not the default one; a separate column, so that PostgreSQL has statistics about it. */
  non_default_branch: string | null;
  head_sha: string;
  created_ms: number;
  ended_ms: number;
  outcome: RunOutcome;
  /** `null` if the outcome says nothing about the commit, such as a cancellation. */
  is_failure: number | null;
  succeeded_on_retry: number;
  duration_ms: number | null;
  queue_ms: number | null;
  minutes: number;
  reruns: number;
  is_flaky: number;
  recovery_ms: number | null;
}

/** Sums over the runs of a workflow created on a day or in a month (UTC): see Counters of src/run/aggregate.ts. */
export interface StatisticsTable {
  /** 0 for the sum of all workflows. */
  workflow_id: number;
  unit: "day" | "month";
  /** Days since 1970-01-01; for a month, its first day. */
  day: number;
  /** The name of the default branch; empty for the sum of all other branches. */
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
  /** Serialized by Histogram, as the next column. */
  duration_histogram: string;
  queue_histogram: string;
}

/** A repository whose facts are recomputed in the order of creation; the runs up to `after_…` are done. */
export interface RecomputeQueueTable {
  /** `owner/name` in lower case */
  repository: string;
  after_ms: number;
  after_id: number;
}

export interface EventTable {
  seq: number;
  at_ms: number;
  /** JSON, without the sequence number and the time. */
  event: string;
}

/** One row. It stays locked until the commit, so that sequence numbers become visible in order. */
export interface EventCounterTable {
  id: number;
  /** The highest number assigned so far. */
  last_seq: number;
}

export interface DeliveryTable {
  /** In the order of arrival. */
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
  /** `null` until it is done. */
  done_ms: number | null;
  /** `null` once it is done. */
  payload: string | null;
}

/** See Message of src/message/message.ts. */
export interface MessageTable {
  /** The sequence number of its event. */
  seq: number;
  id: string;
  content: string;
  user_id: string;
  created_ms: number;
}

/** See BackfillProgress of src/run/backfill/backfill_progress.ts. */
export interface BackfillTable {
  repository_id: number;
  since_ms: number;
  imported_from_ms: number;
  imported_to_ms: number;
  runs: number;
  estimate: number | null;
  state: "running" | "done" | "failed";
  error: string | null;
  is_background: number;
  updated_ms: number;
}
