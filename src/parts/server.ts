import manifest from "../../deno.json" with { type: "json" };
import type { Authenticator } from "../account/principal.ts";
import type { Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { isLoopback } from "../loopback.ts";
import { Receiver } from "../delivery/receiver.ts";
import type { Inbox } from "../delivery/inbox.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import type { GitHub } from "../github/client.ts";
import { toChanges, toOrderingKey } from "../github/delivery.ts";
import type { Api } from "../http/api.ts";
import { SessionMonitor } from "../http/streams/session_monitor.ts";
import { ConnectionLimit } from "../http/streams/connection_limit.ts";
import { WebhookEndpoint } from "../http/routes/delivery.ts";
import { CachedHealthCheck, checkHealth } from "../http/routes/health.ts";
import { type OriginPolicy, toOriginPolicy } from "../http/origin.ts";
import { RequestMetrics } from "../http/request_metrics.ts";
import { Server } from "../http/server.ts";
import { EventStreams } from "../http/streams/sse.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { WebSocketServer } from "../http/streams/websocket.ts";
import type { EventLoopDelay } from "../prometheus/event_loop_delay.ts";
import type { LeaseSources } from "../prometheus/run.ts";
import type { Redis } from "../redis/connection.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Database } from "../sql/database.ts";
import type { SqlDeliveryStore } from "../sql/delivery/delivery.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { createMetrics } from "./metrics.ts";
import type { MessageServices } from "./messages.ts";
import type { WebhookTracing } from "./traces.ts";

export interface ServerPartOptions {
  readonly config: Config;
  readonly database: Database;
  /** `undefined` where there is none. */
  readonly redis: Redis | undefined;
  readonly clock: Clock;
  readonly onListen: (url: string) => void;
  readonly feed: Feed;
  readonly activeClients: ActiveClients;
  readonly broadcast: Broadcast<View>;
  readonly snapshotBuilder: SnapshotBuilder;
  /** The snapshot to greet a new client with. */
  readonly current: () => Snapshot | undefined;
  readonly poller: Poller;
  readonly github: GitHub;
  readonly eventLoopDelay: EventLoopDelay;
  /** Both or none: `undefined` where nobody traces. */
  readonly tracing?: Tracing | undefined;
  readonly webhookTracing?: WebhookTracing | undefined;
  /** Who may poll, where there are several instances. */
  readonly lease?: LeaseSources | undefined;
  readonly deliveryStore: SqlDeliveryStore;
  readonly inbox: Pick<Inbox<unknown>, "wake" | "outcomes">;
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly origins: OriginPolicy;
  readonly authenticator: Authenticator;
  readonly data: readonly Api[];
  readonly accounts: readonly Api[];
  readonly messages: MessageServices;
  readonly rateLimit: RateLimitOptions | undefined;
}

/** Which web pages may connect. */
export function createOriginPolicy(
  { server: { hostname, allowedOrigins, publicUrl } }: Config,
): OriginPolicy {
  return toOriginPolicy({ allowed: allowedOrigins, publicUrl, isLoopback: isLoopback(hostname) });
}

/** The part of App that clients and GitHub connect to. */
export function createServer(options: ServerPartOptions): Server {
  const { config, clock, onListen, feed, activeClients, snapshotBuilder, authenticator } = options;
  const { origins, messages } = options;
  const { hostname, port, maxConnections, publicUrl } = config.server;
  const connectionLimit = new ConnectionLimit(maxConnections);
  const streams = {
    feed,
    activeClients,
    snapshot: async (view: View, visibility: Visibility) =>
      (await snapshotBuilder.build(clock.now())).encode(view, visibility),
    origins,
    connectionLimit,
    sessionMonitor: new SessionMonitor({ authenticator, clock }),
    clock,
  };
  const { deliveryStore, webhookTracing } = options;
  const receiver = new Receiver({
    secrets: config.webhookSecrets,
    store: webhookTracing?.store(deliveryStore) ?? deliveryStore,
    toOrderingKey,
    parse: toChanges,
    onEvents: options.emit,
    onStored: () => options.inbox.wake(),
  });
  const connections = new WebSocketServer({
    ...streams,
    broadcast: options.broadcast,
    messageFanout: messages.fanout,
    sender: messages.sender,
    current: options.current,
  });
  const shared = {
    connectionLimit,
    connections,
    events: new EventStreams(streams),
    deliveries: new WebhookEndpoint({
      receiver: webhookTracing?.receiver(receiver) ?? receiver,
      clock,
    }),
    requests: new RequestMetrics(),
    health: createHealthCheck(options),
    clock,
  };
  return new Server({
    ...shared,
    hostname,
    port,
    metrics: createMetrics({ ...options, ...shared }),
    trace: options.tracing,
    data: options.data,
    accounts: options.accounts,
    messages: messages.routes,
    authenticator,
    origins,
    rateLimitOptions: options.rateLimit,
    publicUrl,
    version: manifest.version,
    onListen: (address) => onListen(`http://${formatHost(address.hostname)}:${address.port}`),
  });
}

function createHealthCheck({ database, redis, poller, github, clock }: ServerPartOptions) {
  const services = { [database.kind]: database, ...(redis ? { redis } : {}) };
  const checks = Object.entries(services).map(([name, service]) => {
    const cachedCheck = new CachedHealthCheck(() => service.check(), clock);
    return [name, () => cachedCheck.run()] as const;
  });
  const sources = { poller, rateLimit: () => github.rateLimit, clock };
  return () => checkHealth({ ...sources, services: Object.fromEntries(checks) });
}

function formatHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
