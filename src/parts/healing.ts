import type { Clock } from "../clock.ts";
import type { GitHubError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubJobs } from "../github/job.ts";
import { JobCollector } from "../run/polling/job_collector.ts";
import { isLow } from "../run/github_rate_limit.ts";
import type { Poller } from "../run/polling/poller.ts";
import { Reconciler } from "../run/polling/reconcile.ts";
import type { RunSource } from "../run/run.ts";
import type { Database } from "../sql/database.ts";
import { SqlJobStore } from "../sql/run/job.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { SqlRunStore } from "../sql/run/run.ts";

export interface ReconciliationOptions {
  readonly database: Database;
  readonly github: GitHub;
  readonly runs: RunSource;
  readonly clock: Clock;
  readonly poller: Pick<Poller, "isBackingOff" | "backOff">;
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
  const { database, github, runs, clock, poller, stuckAfter, isNeeded, emit } = options;
  const shared = {
    clock,
    canRequest: () => {
      const { rateLimit } = github;
      return isNeeded() && !poller.isBackingOff && !(rateLimit && isLow(rateLimit, clock.now()));
    },
    onEvents: emit,
    onGitHubError: (error: GitHubError) => poller.backOff(error),
  };
  return [
    new Reconciler({
      ...shared,
      stuckAfter,
      runs,
      store: new SqlRunStore(database, clock),
      repositories: new SqlRepositoryStore(database, clock),
    }),
    new JobCollector({
      ...shared,
      source: new GitHubJobs(github),
      store: new SqlJobStore(database),
    }),
  ];
}
