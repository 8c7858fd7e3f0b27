import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { RefusedError } from "../errors.ts";
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
import { type Random, reservedUntil } from "../run/github_rate_limit.ts";
import type { Poller } from "../run/polling/poller.ts";
import { SqlBackfillStore } from "../sql/run/backfill.ts";
import type { Database } from "../sql/database.ts";
import { SqlFollowStore } from "../sql/follow_store.ts";
import { SqlRunStore } from "../sql/run/run.ts";

/** What backfills leave of the limit: as much as the snapshots take in an hour in which every answer is new. */
const SHARE_OF_OTHERS = 0.25;

export interface FollowingPartsOptions {
  readonly config: Config;
  readonly database: Database;
  /** For what one instance alone may write. */
  readonly fenced: Database;
  readonly github: GitHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly poller: Pick<Poller, "isBackingOff" | "backoffUntil" | "backOff">;
  /** The most points of the budget that the snapshots may take in the next `ms`. */
  readonly kept: (ms: number) => number;
  /** Told of what has changed. */
  readonly tell: (events: readonly StoredEvent[]) => void;
}

/** What follows repositories on request: which, their runs, and their past. */
export interface FollowingParts {
  readonly following: FollowManager;
  readonly followPoller: RepositoryPoller;
  readonly backfills: BackfillScheduler;
}

/** The part of App that stands behind `/repositories`. */
export function followingParts(options: FollowingPartsOptions): FollowingParts {
  const { config, database, fenced, github, clock, random, poller, kept, tell } = options;
  const store = new SqlFollowStore(database, clock);
  const runs = new GitHubRuns(github);
  const shared = {
    clock,
    onEvents: tell,
    onRefused: (error: RefusedError) => poller.backOff(error),
  };
  const mayAsk = () => !poller.isBackingOff;
  const followPoller = new RepositoryPoller({
    ...shared,
    random,
    followStore: new SqlFollowStore(fenced, clock),
    runs,
    store: new SqlRunStore(fenced, clock),
    rateLimit: () => github.rateLimit,
    reservedPoints: kept,
    canRequest: mayAsk,
    webhooksEnabled: config.webhookSecrets.length > 0,
  });
  const backfills = new BackfillScheduler({
    ...shared,
    source: new RateLimitedSource({
      source: runs,
      clock,
      random,
      pausedUntil: () =>
        poller.backoffUntil ??
          reservedUntil(github.rateLimit, { now: clock.now(), share: SHARE_OF_OTHERS }),
      onWait: (_until, refusal) => refusal && poller.backOff(refusal),
    }),
    store: new SqlBackfillStore(fenced, clock),
    requests: new SqlBackfillStore(database, clock),
  });
  // Whoever asks any instance to follow a repository sees its runs at once.
  const look = new LatestRunsFetcher({ ...shared, runs, store: new SqlRunStore(database, clock) });
  const following = new FollowManager({
    ...shared,
    store,
    repositories: new GitHubRepositories(github),
    workflows: new GitHubWorkflows(github),
    webhooks: new GitHubWebhooks({
      github,
      publicUrl: config.server.publicUrl,
      secret: config.webhookSecrets[0],
    }),
    fetchLatestRuns: async (fullName, signal) => {
      await look.fetch(fullName, signal);
    },
    backfills,
    canRequest: mayAsk,
    onChange: () => followPoller.wake(),
  });
  return { following, followPoller, backfills };
}
