import manifest from "../../deno.json" with { type: "json" };
import type { Authenticator } from "../account/principal.ts";
import type { Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { type Config, isLoopback } from "../config.ts";
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
import { checkHealth } from "../http/routes/health.ts";
import { type OriginPolicy, toOriginPolicy } from "../http/origin.ts";
import { RequestMetrics } from "../http/request_metrics.ts";
import { Server } from "../http/server.ts";
import { CachedHealthCheck } from "../http/shared_check.ts";
import { EventStreams } from "../http/streams/sse.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { WebSocketServer } from "../http/streams/websocket.ts";
import type { EventLoop } from "../prometheus/event_loop.ts";
import type { LeaseSources } from "../prometheus/run.ts";
import type { Redis } from "../redis/connection.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Database } from "../sql/database.ts";
import type { SqlDeliveryStore } from "../sql/delivery/delivery.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { metricsPart } from "./metrics.ts";
import type { MessageParts } from "./messages.ts";
import type { WebhookTraces } from "./traces.ts";

export interface ServerPartOptions {
  readonly config: Config;
  readonly database: Database;
  /** `undefined` where there is none. */
  readonly redis: Redis | undefined;
  readonly clock: Clock;
  readonly onListen: (url: string) => void;
  readonly feed: Feed;
  readonly audience: ActiveClients;
  readonly broadcast: Broadcast<View>;
  readonly picture: SnapshotBuilder;
  /** The snapshot to greet a new client with. */
  readonly current: () => Snapshot | undefined;
  readonly poller: Poller;
  readonly github: GitHub;
  readonly eventLoop: EventLoop;
  /** Both or none: `undefined` where nobody traces. */
  readonly tracing?: Tracing | undefined;
  readonly traces?: WebhookTraces | undefined;
  /** Who may poll, where there are several instances. */
  readonly lease?: LeaseSources | undefined;
  readonly deliveryStore: SqlDeliveryStore;
  readonly inbox: Pick<Inbox<unknown>, "wake" | "outcomes">;
  readonly tell: (events: readonly StoredEvent[]) => void;
  readonly origins: OriginPolicy;
  readonly callers: Authenticator;
  readonly data: readonly Api[];
  readonly accounts: readonly Api[];
  readonly messages: MessageParts;
  readonly throttle: RateLimitOptions | undefined;
}

/** Which web pages may connect. */
export function originsOf({ server: { hostname, allowedOrigins, publicUrl } }: Config): OriginPolicy {
  return toOriginPolicy({ allowed: allowedOrigins, publicUrl, isLoopback: isLoopback(hostname) });
}

/** The part of App that clients and GitHub connect to. */
export function serverPart(options: ServerPartOptions): Server {
  const { config, clock, onListen, feed, audience, picture, callers } = options;
  const { origins, messages } = options;
  const { hostname, port, maxConnections, publicUrl } = config.server;
  const capacity = new ConnectionLimit(maxConnections);
  const streams = {
    feed,
    audience,
    snapshot: async (view: View, visible: Visibility) =>
      (await picture.build(clock.now())).encode(view, visible),
    origins,
    capacity,
    watch: new SessionMonitor({ authenticator: callers, clock }),
    clock,
  };
  const { deliveryStore, traces } = options;
  const receiver = new Receiver({
    secrets: config.webhookSecrets,
    store: traces?.store(deliveryStore) ?? deliveryStore,
    toOrderingKey,
    parse: toChanges,
    onEvents: options.tell,
    onStored: () => options.inbox.wake(),
  });
  const connections = new WebSocketServer({
    ...streams,
    broadcast: options.broadcast,
    messageFanout: messages.relay,
    sender: messages.sender,
    current: options.current,
  });
  const parts = {
    capacity,
    connections,
    events: new EventStreams(streams),
    deliveries: new WebhookEndpoint({ receiver: traces?.receiver(receiver) ?? receiver, clock }),
    requests: new RequestMetrics(),
    health: healthOf(options),
    clock,
  };
  return new Server({
    ...parts,
    hostname,
    port,
    metrics: metricsPart({ ...options, ...parts }),
    trace: options.tracing,
    data: options.data,
    accounts: options.accounts,
    messages: messages.routes,
    authenticator: callers,
    origins,
    rateLimitOptions: options.throttle,
    publicUrl,
    version: manifest.version,
    onListen: (address) => onListen(`http://${urlHost(address.hostname)}:${address.port}`),
  });
}

function healthOf({ database, redis, poller, github, clock }: ServerPartOptions) {
  const services = { [database.kind]: database, ...(redis ? { redis } : {}) };
  const checks = Object.entries(services).map(([name, service]) => {
    const shared = new CachedHealthCheck(() => service.check(), clock);
    return [name, () => shared.run()] as const;
  });
  const sources = { poller, budget: () => github.rateLimit, clock };
  return () => checkHealth({ ...sources, services: Object.fromEntries(checks) });
}

function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
