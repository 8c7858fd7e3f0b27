import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubJobs } from "../github/job.ts";
import { JobCollector } from "../run/polling/job_collector.ts";
import { LOW_SHARE } from "../run/github_rate_limit.ts";
import { Reconciler } from "../run/polling/reconcile.ts";
import { GitHubRuns } from "../github/run.ts";
import type { Database } from "../sql/database.ts";
import { SqlJobStore } from "../sql/run/job.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { SqlRunStore } from "../sql/run/run.ts";

export interface ReconciliationOptions {
  readonly database: Database;
  readonly github: GitHub;
  readonly clock: Clock;
  /** In ms; see ReconcilerOptions. */
  readonly stuckAfter: number;
  /** Whether anybody would hear of what is asked for. */
  readonly isNeeded: () => boolean;
  /** Told of what has changed. */
  readonly emit: (events: readonly StoredEvent[]) => void;
}

/** The parts of App that ask for what neither webhooks nor polling have told. */
export function createReconcilers(
  options: ReconciliationOptions,
): readonly [Reconciler, JobCollector] {
  const { database, github, clock, stuckAfter, isNeeded, emit } = options;
  const background = github.background(LOW_SHARE);
  const shared = { clock, isNeeded, onEvents: emit };
  return [
    new Reconciler({
      ...shared,
      stuckAfter,
      runs: new GitHubRuns(background),
      store: new SqlRunStore(database, clock),
      repositories: new SqlRepositoryStore(database, clock),
    }),
    new JobCollector({
      ...shared,
      source: new GitHubJobs(background),
      store: new SqlJobStore(database),
    }),
  ];
}
