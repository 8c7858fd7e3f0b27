import type { Authenticator } from "../account/authenticator.ts";
import { MemoryRateLimiter, type RateLimit } from "../account/rate_limiter.ts";
import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { Feed } from "../feed/feed.ts";
import type { TopicFanout } from "../feed/topic_fanout.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { ConnectionLimit } from "../http/streams/connection_limit.ts";
import { SessionMonitor } from "../http/streams/session_monitor.ts";
import { EventStreams } from "../http/streams/sse.ts";
import { WebSocketServer } from "../http/streams/websocket.ts";
import type { MessageSender } from "../message/sender.ts";
import type { Redis } from "../redis/connection.ts";
import { RedisRateLimiter } from "../redis/rate_limiter.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Visibility } from "../visibility.ts";

interface StreamsOptions {
  readonly feed: Feed;
  readonly activeClients: ActiveClients;
  readonly broadcast: Broadcast<View>;
  /** The snapshot that a new WebSocket client receives at once. */
  readonly currentSnapshot: () => Snapshot | undefined;
  /** The snapshot that follows a gap in the events. */
  readonly encodeSnapshot: (view: View, visibility: Visibility) => Promise<string | undefined>;
  readonly messageFanout: TopicFanout;
  readonly sender: MessageSender;
  readonly authenticator: Authenticator;
  readonly maxConnections: number;
  readonly clock: Clock;
  /** Only tests set these. */
  readonly intervals?: {
    readonly webSocketHeartbeatSeconds?: number | undefined;
    readonly eventStreamHeartbeatMs?: number | undefined;
    readonly sessionCheckMs?: number | undefined;
  };
}

export type Streams = ReturnType<typeof createStreams>;

/** The clients that stay connected: WebSockets and event streams, which share one limit. */
export function createStreams(options: StreamsOptions) {
  const { feed, activeClients, encodeSnapshot, authenticator, clock, intervals = {} } = options;
  const { webSocketHeartbeatSeconds, eventStreamHeartbeatMs, sessionCheckMs } = intervals;
  const connectionLimit = new ConnectionLimit(options.maxConnections);
  const sessionMonitor = new SessionMonitor({
    authenticator,
    clock,
    ...(sessionCheckMs === undefined ? {} : { intervalMs: sessionCheckMs }),
  });
  const webSockets = new WebSocketServer({
    broadcast: options.broadcast,
    currentSnapshot: options.currentSnapshot,
    messageFanout: options.messageFanout,
    sender: options.sender,
    feed,
    activeClients,
    encodeSnapshot,
    connectionLimit,
    sessionMonitor,
    clock,
    ...(webSocketHeartbeatSeconds === undefined
      ? {}
      : { heartbeatSeconds: webSocketHeartbeatSeconds }),
  });
  const eventStreams = new EventStreams({
    feed,
    activeClients,
    encodeSnapshot,
    connectionLimit,
    sessionMonitor,
    clock,
    ...(eventStreamHeartbeatMs === undefined ? {} : { heartbeatMs: eventStreamHeartbeatMs }),
  });
  return { connectionLimit, webSockets, eventStreams };
}

/** A rate limit that instances share if they share Redis, and that each instance applies on its own while Redis is down. */
export function createRateLimit(
  limit: RateLimit,
  { redis, prefix, clock }: {
    readonly redis: Redis | undefined;
    readonly prefix: string;
    readonly clock: Clock;
  },
): RateLimitOptions {
  const local = new MemoryRateLimiter(limit, { clock });
  const limiter = redis
    ? new RedisRateLimiter(limit, { redis, clock, prefix, fallback: local })
    : local;
  return { limit, limiter };
}
