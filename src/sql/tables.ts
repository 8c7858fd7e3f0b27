import type { Generated } from "kysely";
import type { DeliveryState } from "../delivery/delivery.ts";

/**
 * The tables, alike in SQLite and PostgreSQL. What GitHub wrote as RFC 3339 is kept to the letter (`…_at`), with its
 * instant beside it where something is sorted or compared by it (`…_ms`). Our own times are ms since the epoch.
 */
export interface Tables {
  repositories: RepositoryTable;
  workflows: WorkflowTable;
  workflow_runs: RunTable;
  run_attempts: AttemptTable;
  jobs: JobTable;
  events: EventTable;
  event_counter: EventCounterTable;
  deliveries: DeliveryTable;
  backfills: BackfillTable;
}

export interface RepositoryTable {
  id: number;
  full_name: string;
  pushed_at: string | null;
  /** 0 when nothing was ever pushed. */
  pushed_ms: number;
  /** When it was gone for us; `null` while we follow it. */
  removed_ms: number | null;
}

export interface WorkflowTable {
  id: number;
  repository: string;
  name: string;
  /** When the run was created that named it so: an older run may know an older name. */
  named_ms: number;
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
  unfinished: number;
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
  progress: number;
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
  progress: number;
  /** When it came to this status. */
  at_ms: number;
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
  last: number;
}

export interface DeliveryTable {
  /** In the order in which they came. */
  seq: Generated<number>;
  id: string;
  event: string;
  action: string | null;
  subject: string;
  state: DeliveryState;
  failures: number;
  reason: string | null;
  received_ms: number;
  due_ms: number;
  /** `null` unless it is done. */
  done_ms: number | null;
  /** Dropped when it is done. */
  payload: string | null;
}

/** See Progress of run/backfill_progress.ts. */
export interface BackfillTable {
  repository_id: number;
  since_ms: number;
  reached_ms: number;
  until_ms: number;
  runs: number;
  estimate: number | null;
  state: "running" | "done" | "failed";
  reason: string | null;
  updated_ms: number;
}
