import type { Clock } from "../clock.ts";
import type { RefusedError } from "../errors.ts";
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

export interface HealingOptions {
  readonly database: Database;
  readonly github: GitHub;
  readonly runs: RunSource;
  readonly clock: Clock;
  readonly poller: Pick<Poller, "isBackingOff" | "backOff">;
  /** In ms; see ReconcilerOptions. */
  readonly stuckAfter: number;
  /** Whether anybody would hear of what is asked for. */
  readonly isWanted: () => boolean;
  /** Told of what has changed. */
  readonly tell: (events: readonly StoredEvent[]) => void;
}

/** The parts of App that ask for what neither webhooks nor polling have told. */
export function healingParts(options: HealingOptions): readonly [Reconciler, JobCollector] {
  const { database, github, runs, clock, poller, stuckAfter, isWanted, tell } = options;
  const shared = {
    clock,
    mayAsk: () => {
      const { rateLimit: budget } = github;
      return isWanted() && !poller.isBackingOff && !(budget && isLow(budget, clock.now()));
    },
    onEvents: tell,
    onRefused: (error: RefusedError) => poller.backOff(error),
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
