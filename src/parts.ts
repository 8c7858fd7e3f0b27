import { MemoryBuckets } from "./account/throttle.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { RedeliveryOnStart, type RedeliveryOnStartOptions } from "./delivery/start.ts";
import { Sweep } from "./delivery/sweep.ts";
import type { RefusedError } from "./errors.ts";
import type { NumberedEvent } from "./feed/event.ts";
import type { GitHub } from "./github/client.ts";
import { GitHubHooks } from "./github/hook.ts";
import { GitHubWebhooks } from "./github/hook_setup.ts";
import { GitHubJobs } from "./github/job.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import { GitHubWorkflows } from "./github/workflow.ts";
import type { Api } from "./http/api.ts";
import type { Throttle } from "./http/throttle.ts";
import { repositoryRoutes } from "./http/repository.ts";
import { runRoutes } from "./http/run.ts";
import { statisticsRoutes } from "./http/statistics.ts";
import { workflowRoutes } from "./http/workflow.ts";
import { Following } from "./repository/following.ts";
import { Redis } from "./redis/connection.ts";
import { RedisBuckets } from "./redis/throttle.ts";
import { Backfills } from "./run/backfill_job.ts";
import { PatientSource } from "./run/backfill_patience.ts";
import { FollowPoller } from "./run/follow.ts";
import { JobCollector } from "./run/jobs.ts";
import { isLow, type Random, savedUntil } from "./run/pace.ts";
import type { Poller } from "./run/poller.ts";
import { Reconciler } from "./run/reconcile.ts";
import type { RunSource } from "./run/run.ts";
import { SqlBackfillStore } from "./sql/backfill.ts";
import { SqlCatalog } from "./sql/catalog.ts";
import type { Database } from "./sql/database.ts";
import { SqlFollowStore } from "./sql/follow.ts";
import { SqlJobStore } from "./sql/job.ts";
import { SqlRepositoryStore } from "./sql/repository.ts";
import { SqlRunStore } from "./sql/run.ts";
import { SqlRunHistory } from "./sql/run_history.ts";
import { SqlStatisticsStore } from "./sql/statistics.ts";

/** What backfills leave of the limit: as much as the snapshots take in an hour in which every answer is new. */
const SHARE_OF_OTHERS = 0.25;

export interface FollowingPartsOptions {
  readonly config: Config;
  readonly database: Database;
  readonly github: GitHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly poller: Pick<Poller, "isHeldBack" | "heldBackUntil" | "hold">;
  /** The most points of the budget that the snapshots may take in the next `ms`. */
  readonly kept: (ms: number) => number;
  /** Told of what has changed. */
  readonly tell: (events: readonly NumberedEvent[]) => void;
}

/** What follows repositories on request: which, their runs, and their past. */
export interface FollowingParts {
  readonly following: Following;
  readonly followPoller: FollowPoller;
  readonly backfills: Backfills;
}

/** The part of App that stands behind `/repositories`. */
export function followingParts(options: FollowingPartsOptions): FollowingParts {
  const { config, database, github, clock, random, poller, kept, tell } = options;
  const store = new SqlFollowStore(database, clock);
  const runs = new GitHubRuns(github);
  const shared = {
    clock,
    onEvents: tell,
    onRefused: (error: RefusedError) => poller.hold(error),
  };
  const mayAsk = () => !poller.isHeldBack;
  const followPoller = new FollowPoller({
    ...shared,
    random,
    followed: store,
    runs,
    store: new SqlRunStore(database, clock),
    budget: () => github.budget,
    kept,
    mayAsk,
    takesWebhooks: config.webhookSecrets.length > 0,
  });
  const backfills = new Backfills({
    ...shared,
    source: new PatientSource({
      source: runs,
      clock,
      random,
      restUntil: () =>
        poller.heldBackUntil ??
          savedUntil(github.budget, { now: clock.now(), share: SHARE_OF_OTHERS }),
      onWait: (_until, refusal) => refusal && poller.hold(refusal),
    }),
    store: new SqlBackfillStore(database, clock),
  });
  const following = new Following({
    ...shared,
    store,
    repositories: new GitHubRepositories(github),
    workflows: new GitHubWorkflows(github),
    webhooks: new GitHubWebhooks({
      github,
      publicUrl: config.server.publicUrl,
      secret: config.webhookSecrets[0],
    }),
    lookAtRuns: async (fullName, signal) => {
      await followPoller.look(fullName, signal);
    },
    backfills,
    mayAsk,
    onChange: () => followPoller.wake(),
  });
  return { following, followPoller, backfills };
}

export interface HealingOptions {
  readonly database: Database;
  readonly github: GitHub;
  readonly runs: RunSource;
  readonly clock: Clock;
  readonly poller: Pick<Poller, "isHeldBack" | "hold">;
  /** In ms; see ReconcilerOptions. */
  readonly stuckAfter: number;
  /** Whether anybody would hear of what is asked for. */
  readonly isWanted: () => boolean;
  /** Told of what has changed. */
  readonly tell: (events: readonly NumberedEvent[]) => void;
}

/** The parts of App that ask for what neither webhooks nor polling have told. */
export function healingParts(options: HealingOptions): readonly [Reconciler, JobCollector] {
  const { database, github, runs, clock, poller, stuckAfter, isWanted, tell } = options;
  const shared = {
    clock,
    mayAsk: () => {
      const { budget } = github;
      return isWanted() && !poller.isHeldBack && !(budget && isLow(budget, clock.now()));
    },
    onEvents: tell,
    onRefused: (error: RefusedError) => poller.hold(error),
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

export interface DataRoutesOptions {
  readonly database: Database;
  readonly following: Following;
  readonly clock: Clock;
}

/** The REST API over what is kept. */
export function dataRoutes({ database, following, clock }: DataRoutesOptions): readonly Api[] {
  const catalog = new SqlCatalog(database);
  const history = new SqlRunHistory(database);
  return [
    runRoutes({ history }),
    workflowRoutes({ catalog, history }),
    repositoryRoutes({ catalog, following, clock }),
    statisticsRoutes({ statistics: new SqlStatisticsStore(database), clock }),
  ];
}

export interface RedeliveryOptions extends Omit<RedeliveryOnStartOptions, "sweep"> {
  readonly github: GitHub;
  readonly publicUrl: string | undefined;
}

/** The part of App that asks GitHub for what it could not deliver. */
export function redeliveryOnStart(options: RedeliveryOptions): RedeliveryOnStart {
  const { github, publicUrl, clock } = options;
  return new RedeliveryOnStart({
    ...options,
    sweep: (repositories) =>
      new Sweep({
        attempts: new GitHubHooks({
          github,
          repositories: () => repositories,
          ...(publicUrl === undefined ? {} : { publicUrl }),
        }),
        clock,
      }),
  });
}

/** Of all keys of ours, in a Redis that others use too. */
const REDIS_PREFIX = "runwire:";

export interface ThrottleParts {
  /** `undefined` where callers may ask for as much as they like. */
  readonly throttle: Throttle | undefined;
  /** The connection that the buckets are shared by, to be run; `undefined` where there is none. */
  readonly redis: Redis | undefined;
}

/** The part of App that keeps callers to their share. */
export function throttleParts(
  { throttle: allowance, redisUrl }: Config,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): ThrottleParts {
  if (!allowance) return { throttle: undefined, redis: undefined };
  const own = new MemoryBuckets(allowance, { clock });
  if (redisUrl === undefined) return { throttle: { allowance, buckets: own }, redis: undefined };
  const redis = new Redis(redisUrl, { random });
  const options = { redis, clock, prefix: REDIS_PREFIX, fallback: own };
  return { throttle: { allowance, buckets: new RedisBuckets(allowance, options) }, redis };
}
