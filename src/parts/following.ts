import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubWebhooks } from "../github/webhook.ts";
import { GitHubRepositories } from "../github/repository.ts";
import { GitHubRuns } from "../github/run.ts";
import { GitHubWorkflows } from "../github/workflow.ts";
import { FollowManager } from "../repository/follow_manager.ts";
import { BackfillScheduler } from "../run/backfill/backfill_scheduler.ts";
import { RateLimitedSource } from "../run/backfill/rate_limited_source.ts";
import { RepositoryPoller } from "../run/polling/repository_poller.ts";
import { LatestRunsFetcher } from "../run/polling/latest_runs.ts";
import { LOW_SHARE } from "../run/github_rate_limit.ts";
import type { Random } from "../random.ts";
import { SqlBackfillStore } from "../sql/run/backfill.ts";
import type { Database } from "../sql/database.ts";
import { SqlFollowStore } from "../sql/follow_store.ts";
import { SqlRunStore } from "../sql/run/run.ts";

/** What backfills leave of the limit: as much as the snapshots take in an hour in which every answer is new. */
const RESERVED_SHARE = 0.25;

export interface FollowServicesOptions {
  readonly config: Config;
  readonly database: Database;
  /** For what one instance alone may write. */
  readonly fencedDatabase: Database;
  readonly github: GitHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The most points of the budget that the snapshots may take in the next `ms`. */
  readonly reservedPoints: (ms: number) => number;
  /** Told of what has changed. */
  readonly emit: (events: readonly StoredEvent[]) => void;
}

/** What follows repositories on request: which, their runs, and their past. */
export interface FollowServices {
  readonly followManager: FollowManager;
  readonly repositoryPoller: RepositoryPoller;
  readonly backfillScheduler: BackfillScheduler;
}

/** The part of App that stands behind `/repositories`. */
export function createFollowServices(options: FollowServicesOptions): FollowServices {
  const { config, database, fencedDatabase, github, clock, random, reservedPoints, emit, signal } =
    options;
  const store = new SqlFollowStore(database, clock);
  const runs = new GitHubRuns(github);
  const shared = { clock, onEvents: emit };
  const background = github.background(LOW_SHARE);
  const repositoryPoller = new RepositoryPoller({
    ...shared,
    random,
    followStore: new SqlFollowStore(fencedDatabase, clock),
    runs: runs.through(background),
    store: new SqlRunStore(fencedDatabase, clock),
    rateLimit: () => github.rateLimit,
    reservedPoints,
    webhooksEnabled: config.webhookSecrets.length > 0,
  });
  const backfillScheduler = new BackfillScheduler({
    ...shared,
    source: new RateLimitedSource({
      source: runs.through(github.background(RESERVED_SHARE)),
      clock,
      random,
    }),
    store: new SqlBackfillStore(fencedDatabase, clock),
    requests: new SqlBackfillStore(database, clock),
  });
  // Whoever asks any instance to follow a repository sees its runs at once.
  const latestRuns = new LatestRunsFetcher({
    ...shared,
    runs,
    store: new SqlRunStore(database, clock),
  });
  const followManager = new FollowManager({
    ...shared,
    store,
    repositories: new GitHubRepositories(github),
    workflows: new GitHubWorkflows(github),
    webhooks: new GitHubWebhooks({
      github: background,
      publicUrl: config.server.publicUrl,
      secret: config.webhookSecrets[0],
    }),
    fetchLatestRuns: async (fullName, signal) => {
      await latestRuns.fetch(fullName, signal);
    },
    backfills: backfillScheduler,
    signal,
    onChange: () => repositoryPoller.wake(),
  });
  return { followManager, repositoryPoller, backfillScheduler };
}
