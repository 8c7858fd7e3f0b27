import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { Inbox } from "../delivery/inbox.ts";
import { Redelivery } from "../delivery/redelivery.ts";
import { RedeliveryOnStart } from "../delivery/redelivery_on_start.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { GitHub } from "../github/client.ts";
import { parseChanges } from "../github/delivery.ts";
import { GitHubJobs } from "../github/job.ts";
import { type GitHubRepositories, GitHubWorkflows } from "../github/repository.ts";
import type { GitHubRuns } from "../github/run.ts";
import { GitHubWebhooks } from "../github/webhook.ts";
import { GitHubWebhookDeliveries } from "../github/webhook_deliveries.ts";
import type { Random } from "../random.ts";
import { FollowManager } from "../repository/follow_manager.ts";
import { BackfillScheduler } from "../run/backfill/backfill_scheduler.ts";
import { RateLimitedSource } from "../run/backfill/rate_limited_source.ts";
import { LOW_SHARE } from "../run/github_rate_limit.ts";
import { JobCollector } from "../run/polling/job_collector.ts";
import { LatestRunsFetcher } from "../run/polling/latest_runs.ts";
import { Reconciler } from "../run/polling/reconciler.ts";
import { RepositoryPoller } from "../run/polling/repository_poller.ts";
import type { Stores } from "./stores.ts";

/** The share of GitHub's rate limit that backfills leave: enough for an hour of snapshots without cached responses. */
const BACKFILL_RESERVED_SHARE = 0.25;

interface FollowingOptions {
  readonly config: Config;
  readonly stores: Stores;
  readonly leaderStores: Stores;
  readonly github: GitHub;
  readonly repositories: GitHubRepositories;
  readonly runs: GitHubRuns;
  readonly activeClients: ActiveClients;
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly clock: Clock;
  readonly random: Random;
  /** Cancels requests to GitHub. */
  readonly signal: AbortSignal;
}

/** Followed repositories: their webhooks, latest runs and past runs. */
export function createFollowing(options: FollowingOptions) {
  const { config, stores, leaderStores, github, runs, activeClients, emit, clock, random } =
    options;
  const { poll, server, webhookSecrets } = config;
  const background = github.background(LOW_SHARE);
  const repositoryPoller = new RepositoryPoller({
    followStore: leaderStores.follows,
    runs: runs.withClient(background),
    store: leaderStores.runs,
    rateLimit: () => github.rateLimit,
    reservedPoints: (ms) =>
      activeClients.size === 0 ? 0 : ms / poll.intervalMs * (poll.repositories + 1),
    webhooksEnabled: webhookSecrets.length > 0,
    onEvents: emit,
    clock,
    random,
  });
  const backfillScheduler = new BackfillScheduler({
    source: new RateLimitedSource({
      source: runs.withClient(github.background(BACKFILL_RESERVED_SHARE)),
      clock,
      random,
    }),
    store: leaderStores.backfills,
    requests: stores.backfills,
    onEvents: emit,
    clock,
  });
  const latestRuns = new LatestRunsFetcher({ runs, store: stores.runs, onEvents: emit });
  const webhookOptions = { publicUrl: server.publicUrl, secret: webhookSecrets[0] };
  const followManager = new FollowManager({
    store: stores.follows,
    repositories: options.repositories,
    workflows: new GitHubWorkflows(github),
    webhooks: new GitHubWebhooks({ github, ...webhookOptions }),
    backgroundWebhooks: new GitHubWebhooks({ github: background, ...webhookOptions }),
    fetchLatestRuns: async (fullName, signal) => {
      await latestRuns.fetch(fullName, signal);
    },
    backfills: backfillScheduler,
    onEvents: emit,
    onChange: () => repositoryPoller.wake(),
    clock,
    signal: options.signal,
  });
  return { repositoryPoller, backfillScheduler, followManager };
}

interface ReconciliationOptions {
  readonly leaderStores: Stores;
  readonly github: GitHub;
  readonly runs: GitHubRuns;
  /** See ReconcilerOptions. */
  readonly stuckAfterMs: number;
  /** Whether anything depends on up-to-date runs. */
  readonly isNeeded: () => boolean;
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly clock: Clock;
}

/** Fetches runs and jobs that neither webhooks nor polling reported. */
export function createReconciliation(options: ReconciliationOptions) {
  const { leaderStores, github, runs, isNeeded, emit, clock } = options;
  const background = github.background(LOW_SHARE);
  const reconciler = new Reconciler({
    runs: runs.withClient(background),
    store: leaderStores.runs,
    repositories: leaderStores.repositories,
    stuckAfterMs: options.stuckAfterMs,
    isNeeded,
    onEvents: emit,
    clock,
  });
  const jobCollector = new JobCollector({
    source: new GitHubJobs(background),
    store: leaderStores.jobs,
    isNeeded,
    clock,
  });
  return { reconciler, jobCollector };
}

interface DeliveriesOptions {
  readonly stores: Stores;
  readonly github: GitHub;
  readonly publicUrl: string | undefined;
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** Applies stored deliveries, and requests missed ones from GitHub. */
export function createDeliveries(options: DeliveriesOptions) {
  const { stores, github, publicUrl, emit, clock, random } = options;
  const inbox = new Inbox({
    store: stores.deliveries,
    parse: parseChanges,
    onEvents: emit,
    clock,
    random,
  });
  const redelivery = new RedeliveryOnStart({
    deliveries: stores.deliveries,
    repositories: stores.repositories,
    createRedelivery: (repositories) =>
      new Redelivery({
        attempts: new GitHubWebhookDeliveries({
          github,
          repositories: () => repositories,
          ...(publicUrl === undefined ? {} : { publicUrl }),
        }),
        clock,
      }),
    clock,
  });
  return { inbox, redelivery };
}
