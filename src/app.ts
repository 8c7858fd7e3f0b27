import manifest from "../deno.json" with { type: "json" };
import { AesCipher } from "./account/crypto.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { ActiveClients } from "./feed/active_clients.ts";
import { Broadcast } from "./feed/broadcast.ts";
import { Feed } from "./feed/feed.ts";
import { Retention } from "./feed/retention.ts";
import { TopicFanout } from "./feed/topic_fanout.ts";
import { GitHub } from "./github/client.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import { toOriginPolicy } from "./http/origin.ts";
import { isLoopback } from "./loopback.ts";
import { RETAIN_MESSAGES_COUNT, RETAIN_MESSAGES_MS } from "./message/message.ts";
import { MessageSender } from "./message/sender.ts";
import { EventLoopDelay } from "./prometheus/event_loop_delay.ts";
import type { Random } from "./random.ts";
import { Redis } from "./redis/connection.ts";
import type { Poller } from "./run/polling/poller.ts";
import type { View } from "./run/snapshot.ts";
import { StatisticsRecomputer } from "./run/statistics_recompute.ts";
import { runServices, type Service } from "./service.ts";
import type { Database } from "./sql/database.ts";
import type { Tracing } from "./tracing/tracing.ts";
import { WebhookTracing } from "./tracing/webhook_tracing.ts";
import { createAccounts } from "./wiring/accounts.ts";
import { createDeliveries, createFollowing, createReconciliation } from "./wiring/background.ts";
import { createCluster } from "./wiring/cluster.ts";
import { createServer } from "./wiring/server.ts";
import { createSnapshots } from "./wiring/snapshots.ts";
import { sqlStores } from "./wiring/stores.ts";
import { createRateLimit, createStreams } from "./wiring/streams.ts";

/** The prefix of the rate limits' keys: other programs may use the same Redis. */
const REDIS_PREFIX = "runwire:";
/** Per address. */
const LOGIN_RATE_LIMIT = { perSecond: 10 / 60, burst: 10 };

interface AppOptions {
  /** Open and migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly tracing?: Tracing | undefined;
  /** Called with the URL, for example `http://127.0.0.1:8080`, as soon as clients can connect. */
  readonly onListen: (url: string) => void;
}

export interface App {
  readonly feed: Feed;
  readonly poller: Poller;
  /** Runs until `signal` aborts, then stops within 5 s. If one service fails, all stop, and it throws that error. */
  run(signal: AbortSignal): Promise<void>;
}

/** Creates the whole program. */
export function createApp(config: Config, options: AppOptions): App {
  const { database, clock, random, tracing } = options;
  const { poll, redisUrl, server: { hostname, allowedOrigins, publicUrl, maxConnections } } =
    config;
  const { version } = manifest;
  const stop = new AbortController();
  const { signal } = stop;
  const webhookTracing = new WebhookTracing(tracing);

  // Stores and cluster. Leader-only services write through `leaderStores`: such a write fails once another instance leads.
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl, { clock, random });
  const activeClients = new ActiveClients();
  const cluster = createCluster({ database, redis, redisUrl, activeClients, clock, random });
  const { election } = cluster;
  const cipher = new AesCipher(config.login?.sessionSecret ?? "");
  const stores = sqlStores(database, { clock, cipher });
  const leaderStores = sqlStores(cluster.leaderDatabase, { clock, cipher });

  // GitHub
  const github = new GitHub({
    credential: config.github.credential,
    baseUrl: config.github.apiUrl,
    version,
    clock,
    random,
    onSend: () => election.checkExpired(),
  });
  const repositories = new GitHubRepositories(github);
  const runs = new GitHubRuns(github);

  // Feed and messages
  const feed = new Feed({
    eventLog: leaderStores.eventLog,
    eventBus: cluster.eventBus,
    pollMs: cluster.eventPollMs,
    clock,
  });
  const broadcast = new Broadcast<View>({ activeClients, clock });
  const messageFanout = new TopicFanout({ feed, topics: new Set(["message"]), clock });
  const sender = new MessageSender({
    store: stores.messages,
    generateId: () => crypto.randomUUID(),
    publish: (events) => feed.emit(events),
  });

  // Snapshots
  // Counts as a client that never disconnects, so polling never pauses.
  if (poll.when === "always") activeClients.add();
  const snapshots = createSnapshots({
    poll,
    cluster,
    stores,
    leaderStores,
    github,
    repositories,
    runs,
    feed,
    broadcast,
    activeClients,
    webhookTracing,
    clock,
    random,
  });
  const { emit, poller } = snapshots;

  // Background services
  const hasWebhook = config.webhookSecrets.length > 0;
  const { followManager, repositoryPoller, backfillScheduler } = createFollowing({
    config,
    stores,
    leaderStores,
    github,
    repositories,
    runs,
    activeClients,
    emit,
    clock,
    random,
    signal,
  });
  const { reconciler, jobCollector } = createReconciliation({
    leaderStores,
    github,
    runs,
    stuckAfterMs: poll.reconcileAfterMs,
    isNeeded: () => hasWebhook || activeClients.size > 0 || repositoryPoller.size > 0,
    emit,
    clock,
  });
  const { inbox, redelivery } = createDeliveries({
    stores,
    github,
    publicUrl,
    emit,
    clock,
    random,
  });
  const eventRetention = new Retention({ store: leaderStores.eventLog, clock });
  const messageRetention = new Retention({
    store: stores.messages,
    kind: "messages",
    maxAgeMs: RETAIN_MESSAGES_MS,
    maxCount: RETAIN_MESSAGES_COUNT,
    clock,
  });
  const statisticsRecomputer = new StatisticsRecomputer(stores.recomputeQueue, clock);
  const leaderServices: readonly Service[] = [
    poller,
    followManager,
    repositoryPoller,
    backfillScheduler,
    reconciler,
    jobCollector,
    ...(hasWebhook ? [redelivery] : []),
    eventRetention,
    messageRetention,
    statisticsRecomputer,
    ...cluster.leaderServices,
  ];
  const leader: Service = {
    run: (signal) => election.run((term) => runServices(leaderServices, term), signal),
  };

  // HTTP
  let listenUrl = "";
  const origins = toOriginPolicy({
    allowed: allowedOrigins,
    publicUrl,
    isLoopback: isLoopback(hostname),
  });
  const accounts = createAccounts({
    config,
    stores,
    origins,
    loginRateLimit: createRateLimit(LOGIN_RATE_LIMIT, {
      redis,
      prefix: `${REDIS_PREFIX}login:`,
      clock,
    }),
    listenUrl: () => listenUrl,
    clock,
    signal,
  });
  const streams = createStreams({
    feed,
    activeClients,
    broadcast,
    currentSnapshot: snapshots.currentSnapshot,
    encodeSnapshot: snapshots.encodeSnapshot,
    messageFanout,
    sender,
    authenticator: accounts.authenticator,
    maxConnections,
    clock,
  });
  const eventLoopDelay = new EventLoopDelay(clock);
  const server = createServer({
    config,
    database,
    redis,
    stores,
    github,
    poller,
    election,
    feed,
    broadcast,
    streams,
    sender,
    inbox,
    emit,
    followManager,
    accounts,
    origins,
    rateLimit: config.rateLimit &&
      createRateLimit(config.rateLimit, { redis, prefix: REDIS_PREFIX, clock }),
    eventLoopDelay,
    tracing,
    webhookTracing,
    onListen: (url) => {
      listenUrl = url;
      options.onListen(url);
    },
    clock,
  });

  const services: readonly Service[] = [
    server,
    messageFanout,
    accounts.sessionCleanup,
    eventLoopDelay,
    ...(redis ? [redis] : []),
    feed,
    ...cluster.services,
    ...snapshots.services,
    inbox,
    leader,
  ];
  return {
    feed,
    poller,
    run: (signal) => runServices(services, signal, stop),
  };
}
