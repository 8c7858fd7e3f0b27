import manifest from "../../deno.json" with { type: "json" };
import type { Clock } from "../clock.ts";
import type { Inbox } from "../delivery/inbox.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { Feed } from "../feed/feed.ts";
import type { GitHub } from "../github/client.ts";
import type { ConnectionLimit } from "../http/streams/connection_limit.ts";
import type { WebhookEndpoint } from "../http/routes/delivery.ts";
import type { Health } from "../http/routes/health.ts";
import type { RequestMetrics } from "../http/request_metrics.ts";
import type { EventStreams } from "../http/streams/sse.ts";
import type { WebSocketServer } from "../http/streams/websocket.ts";
import { deliveryMetrics } from "../prometheus/delivery.ts";
import type { EventLoopDelay } from "../prometheus/event_loop_delay.ts";
import { Exposition } from "../prometheus/exposition.ts";
import { gitHubMetrics } from "../prometheus/github.ts";
import { liveMetrics } from "../prometheus/live.ts";
import { processMetrics } from "../prometheus/process.ts";
import { requestMetrics } from "../prometheus/request.ts";
import { type LeaseSources, runMetrics } from "../prometheus/run.ts";
import { serviceMetrics } from "../prometheus/service.ts";
import type { Redis } from "../redis/connection.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { View } from "../run/snapshot.ts";
import type { Database } from "../sql/database.ts";
import type { SqlDeliveryStore } from "../sql/delivery/delivery.ts";

export interface MetricSources {
  readonly database: Database;
  readonly redis: Redis | undefined;
  readonly clock: Clock;
  readonly eventLoopDelay: EventLoopDelay;
  readonly feed: Feed;
  readonly broadcast: Broadcast<View>;
  readonly connectionLimit: ConnectionLimit;
  readonly connections: WebSocketServer;
  readonly events: EventStreams;
  readonly requests: RequestMetrics;
  readonly health: () => Promise<Health>;
  readonly deliveries: WebhookEndpoint;
  readonly deliveryStore: SqlDeliveryStore;
  readonly inbox: Pick<Inbox<unknown>, "outcomes">;
  readonly github: GitHub;
  readonly poller: Poller;
  readonly lease?: LeaseSources | undefined;
}

/** The part of App that tells figures about all others. */
export function createMetrics(sources: MetricSources): Exposition {
  const { database, redis, clock, eventLoopDelay, deliveryStore } = sources;
  const exposition = new Exposition();
  liveMetrics(exposition, {
    ...sources,
    websocket: sources.connections,
    sse: sources.events,
  });
  requestMetrics(exposition, sources.requests);
  deliveryMetrics(exposition, {
    received: sources.deliveries,
    inbox: sources.inbox,
    backlog: () => deliveryStore.backlog(),
    clock,
  });
  gitHubMetrics(exposition, sources.github);
  runMetrics(exposition, { poller: sources.poller, lease: sources.lease });
  serviceMetrics(exposition, {
    services: async () => (await sources.health()).services,
    database,
    redis,
  });
  processMetrics(exposition, {
    eventLoopDelay,
    version: manifest.version,
    database: database.kind,
  });
  return exposition;
}
