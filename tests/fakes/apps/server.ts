import type { Authenticator } from "../../../src/account/principal.ts";
import type { Visibility } from "../../../src/visibility.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { ActiveClients } from "../../../src/feed/active_clients.ts";
import { Broadcast } from "../../../src/feed/broadcast.ts";
import { Feed, type FeedOptions } from "../../../src/feed/feed.ts";
import { TopicFanout } from "../../../src/feed/topic_fanout.ts";
import type { Api } from "../../../src/http/api.ts";
import { SessionMonitor } from "../../../src/http/streams/session_monitor.ts";
import { ConnectionLimit } from "../../../src/http/streams/connection_limit.ts";
import type { WebhookEndpoint } from "../../../src/http/routes/delivery.ts";
import { checkHealth, type Health } from "../../../src/http/routes/health.ts";
import { messageRoutes } from "../../../src/http/routes/message.ts";
import { type OriginPolicy, toOriginPolicy } from "../../../src/http/origin.ts";
import type { Metrics } from "../../../src/http/routes/metrics.ts";
import { RequestMetrics } from "../../../src/http/request_metrics.ts";
import { Server } from "../../../src/http/server.ts";
import { EventStreams } from "../../../src/http/streams/sse.ts";
import type { RateLimitOptions } from "../../../src/http/rate_limit.ts";
import { WebSocketServer } from "../../../src/http/streams/websocket.ts";
import { MessageSender } from "../../../src/message/sender.ts";
import { Snapshot, type View } from "../../../src/run/snapshot.ts";
import { FakeAuthenticator } from "../stores/authenticator.ts";
import { responseCheck } from "../response_check.ts";
import { aRun } from "../stores/github.ts";
import { FakeEventLog } from "../stores/event_log.ts";
import { MemoryMessageStore } from "../stores/messages.ts";
import { withTimeout } from "../wait.ts";

export interface ServerSettings {
  readonly health?: () => Promise<Health>;
  readonly port?: number;
  readonly maxConnections?: number;
  readonly heartbeatSeconds?: number;
  readonly origins?: OriginPolicy;
  readonly clock?: Clock;
  /** Of event streams. */
  readonly heartbeatMs?: number;
  readonly deliveries?: WebhookEndpoint;
  readonly metrics?: Metrics;
  /** The routes of data. */
  readonly data?: readonly Api[];
  readonly accounts?: readonly Api[];
  /** Anybody, unless given. */
  readonly callers?: Authenticator;
  /** How often it is looked whether those who are connected may stay. */
  readonly sessionCheckMs?: number;
  readonly throttle?: RateLimitOptions;
  readonly publicUrl?: string;
  readonly feed?: Pick<FeedOptions, "replayLimits" | "pageSize">;
}

/** The HTTP side alone, with snapshots and events from the test's hand. `await using` stops it. */
export class ServerUnderTest {
  readonly activeClients = new ActiveClients();
  readonly eventLog = new FakeEventLog();
  readonly messages = new MemoryMessageStore(this.eventLog);
  readonly feed: Feed;
  /** By which clients hear what others say. */
  readonly fanout: TopicFanout;
  readonly connectionLimit: ConnectionLimit;
  readonly connections: WebSocketServer;
  readonly events: EventStreams;
  readonly requests = new RequestMetrics();
  port = 0;
  /** What new clients get at once. */
  current: Snapshot | undefined;
  readonly #broadcast: Broadcast<View>;
  readonly #stop = new AbortController();
  readonly #server: Server;
  readonly #boundPort = Promise.withResolvers<number>();
  #finished: Promise<unknown> | undefined;

  constructor(settings: ServerSettings = {}) {
    const { clock = systemClock, maxConnections = 100, heartbeatSeconds, heartbeatMs } = settings;
    const { deliveries, callers = new FakeAuthenticator({ isOpen: true }), sessionCheckMs } =
      settings;
    this.#broadcast = new Broadcast({ clock, activeClients: this.activeClients });
    this.feed = new Feed({ eventLog: this.eventLog, clock, ...settings.feed });
    this.fanout = new TopicFanout({ feed: this.feed, topics: new Set(["message"]), clock });
    const sender = new MessageSender({
      store: this.messages,
      generateId: () => crypto.randomUUID(),
      publish: (events) => this.feed.emit(events),
    });
    this.connectionLimit = new ConnectionLimit(maxConnections);
    const shared = {
      feed: this.feed,
      activeClients: this.activeClients,
      snapshot: (view: View, visibility: Visibility) =>
        Promise.resolve(this.current?.encode(view, visibility)),
      connectionLimit: this.connectionLimit,
      sessionMonitor: new SessionMonitor({
        authenticator: callers,
        clock,
        ...(sessionCheckMs === undefined ? {} : { intervalMs: sessionCheckMs }),
      }),
      clock,
    };
    this.connections = new WebSocketServer({
      ...shared,
      broadcast: this.#broadcast,
      messageFanout: this.fanout,
      sender,
      current: () => this.current,
      ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    });
    this.events = new EventStreams({
      ...shared,
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    });
    this.#server = new Server({
      hostname: "127.0.0.1",
      port: settings.port ?? 0,
      connectionLimit: this.connectionLimit,
      connections: this.connections,
      events: this.events,
      health: settings.health ?? (() =>
        checkHealth({
          poller: { status: { state: "idle", waitingUntil: null, lastSuccessAt: null } },
          rateLimit: () => undefined,
          services: {},
          clock,
        })),
      ...(deliveries === undefined ? {} : { deliveries }),
      ...(settings.metrics === undefined ? {} : { metrics: settings.metrics }),
      requests: this.requests,
      data: settings.data ?? [],
      accounts: settings.accounts ?? [],
      messages: messageRoutes({ messages: this.messages, sender }),
      authenticator: callers,
      rateLimitOptions: settings.throttle,
      origins: settings.origins ??
        toOriginPolicy({ allowed: [], publicUrl: undefined, isLoopback: true }),
      publicUrl: settings.publicUrl,
      version: "0.0.0",
      clock,
      onListen: ({ port }) => this.#boundPort.resolve(port),
    });
  }

  async start(): Promise<this> {
    const { signal } = this.#stop;
    const services = [this.#server, this.feed, this.fanout];
    this.#finished = Promise.all(services.map((service) => service.run(signal)));
    this.port = await withTimeout(this.#boundPort.promise, "the server to listen");
    await responseCheck.watch(this.url);
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Sends a snapshot of one run with this title. */
  publishRun(title: string): void {
    this.publishSnapshot(new Snapshot([aRun({ displayTitle: title })], 0));
  }

  /** Sends a snapshot. */
  publishSnapshot(snapshot: Snapshot): void {
    this.#broadcast.publish(snapshot);
  }

  async stop(): Promise<void> {
    responseCheck.unwatch(this.url);
    this.#stop.abort();
    await withTimeout(this.#finished ?? Promise.resolve(), "the server to stop", 5_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The title that `publish` put in a frame. */
export function readTitle(frame: string): string {
  return JSON.parse(frame).runs[0].displayTitle;
}
