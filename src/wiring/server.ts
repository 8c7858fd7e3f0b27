import manifest from "../../deno.json" with { type: "json" };
import type { Clock } from "../clock.ts";
import type { Leadership } from "../cluster/leader_election.ts";
import type { Config } from "../config.ts";
import type { Inbox } from "../delivery/inbox.ts";
import { Receiver } from "../delivery/receiver.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import type { GitHub } from "../github/client.ts";
import { toChanges, toOrderingKey } from "../github/delivery.ts";
import type { OriginPolicy } from "../http/origin.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { RequestMetrics } from "../http/request_metrics.ts";
import { WebhookEndpoint } from "../http/routes/delivery.ts";
import { CachedHealthCheck, checkHealth, type Health } from "../http/routes/health.ts";
import { messageRoutes } from "../http/routes/message.ts";
import { repositoryRoutes } from "../http/routes/repository.ts";
import { runRoutes } from "../http/routes/run.ts";
import { statisticsRoutes } from "../http/routes/statistics.ts";
import { workflowRoutes } from "../http/routes/workflow.ts";
import { Server } from "../http/server.ts";
import type { MessageSender } from "../message/sender.ts";
import type { EventLoopDelay } from "../prometheus/event_loop_delay.ts";
import { createMetrics } from "../prometheus/metrics.ts";
import type { Redis } from "../redis/connection.ts";
import type { FollowManager } from "../repository/follow_manager.ts";
import type { ChangeSet } from "../run/change_set.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { View } from "../run/snapshot.ts";
import type { Database } from "../sql/database.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { WebhookTracing } from "../tracing/webhook_tracing.ts";
import type { Accounts } from "./accounts.ts";
import type { Stores } from "./stores.ts";
import type { Streams } from "./streams.ts";

interface ServerOptions {
  readonly config: Config;
  readonly database: Database;
  readonly redis: Redis | undefined;
  readonly stores: Stores;
  readonly github: GitHub;
  readonly poller: Poller;
  readonly election: Leadership;
  readonly feed: Feed;
  readonly broadcast: Broadcast<View>;
  readonly streams: Streams;
  readonly sender: MessageSender;
  readonly inbox: Inbox<ChangeSet>;
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly followManager: FollowManager;
  readonly accounts: Accounts;
  readonly origins: OriginPolicy;
  readonly rateLimit: RateLimitOptions | undefined;
  readonly eventLoopDelay: EventLoopDelay;
  readonly tracing: Tracing | undefined;
  readonly webhookTracing: WebhookTracing;
  readonly onListen: (url: string) => void;
  readonly clock: Clock;
}

/** The HTTP server with every route. */
export function createServer(options: ServerOptions): Server {
  const { config, stores, streams, sender, followManager, accounts, webhookTracing, clock } =
    options;
  const { version } = manifest;
  const { history, catalog, statistics, messages } = stores;
  const receiver = new Receiver({
    secrets: config.webhookSecrets,
    store: webhookTracing.wrapStore(stores.deliveries),
    toOrderingKey,
    parse: toChanges,
    onEvents: options.emit,
    onStored: () => options.inbox.wake(),
  });
  const webhookEndpoint = new WebhookEndpoint({
    receiver: webhookTracing.wrapReceiver(receiver),
    clock,
  });
  const requestMetrics = new RequestMetrics();
  const health = createHealthCheck(options);
  const metrics = createMetrics({
    live: {
      websocket: streams.webSockets,
      sse: streams.eventStreams,
      connectionLimit: streams.connectionLimit,
      broadcast: options.broadcast,
      feed: options.feed,
    },
    requests: requestMetrics,
    deliveries: {
      received: webhookEndpoint,
      inbox: options.inbox,
      backlog: () => stores.deliveries.backlog(),
      clock,
    },
    github: options.github,
    run: { poller: options.poller, lease: options.election },
    services: {
      services: async () => (await health()).services,
      database: options.database,
      redis: options.redis,
    },
    process: {
      eventLoopDelay: options.eventLoopDelay,
      version,
      database: options.database.kind,
    },
  });
  return new Server({
    hostname: config.server.hostname,
    port: config.server.port,
    publicUrl: config.server.publicUrl,
    connectionLimit: streams.connectionLimit,
    webSockets: streams.webSockets,
    eventStreams: streams.eventStreams,
    webhookEndpoint,
    data: [
      runRoutes({ history }),
      workflowRoutes({ catalog, history }),
      repositoryRoutes({ catalog, followManager, clock }),
      statisticsRoutes({ statistics, clock }),
    ],
    accounts: accounts.routes,
    messages: messageRoutes({ messages, sender }),
    health,
    metrics,
    requestMetrics,
    tracing: options.tracing,
    authenticator: accounts.authenticator,
    origins: options.origins,
    rateLimitOptions: options.rateLimit,
    version,
    onListen: (address) => options.onListen(toUrl(address)),
    clock,
  });
}

/** Checks each service at most once at a time, however often it is called. */
function createHealthCheck(
  { database, redis, poller, github, clock }: ServerOptions,
): () => Promise<Health> {
  const services = { [database.kind]: database, ...(redis ? { redis } : {}) };
  const checks = Object.entries(services).map(([name, service]) => {
    const check = new CachedHealthCheck(() => service.check(), clock);
    return [name, () => check.run()] as const;
  });
  return () =>
    checkHealth({
      services: Object.fromEntries(checks),
      poller,
      rateLimit: () => github.rateLimit,
      clock,
    });
}

function toUrl({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  return `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
