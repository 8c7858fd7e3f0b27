import type { Authenticator } from "../../../src/account/authenticator.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { ActiveClients } from "../../../src/feed/active_clients.ts";
import { Broadcast } from "../../../src/feed/broadcast.ts";
import { Feed, type FeedOptions } from "../../../src/feed/feed.ts";
import { TopicFanout } from "../../../src/feed/topic_fanout.ts";
import type { Api } from "../../../src/http/api.ts";
import type { ConnectionLimit } from "../../../src/http/streams/connection_limit.ts";
import type { WebhookEndpoint } from "../../../src/http/routes/delivery.ts";
import { checkHealth, type Health } from "../../../src/http/routes/health.ts";
import { messageRoutes } from "../../../src/http/routes/message.ts";
import { type OriginPolicy, toOriginPolicy } from "../../../src/http/origin.ts";
import type { Metrics } from "../../../src/http/routes/metrics.ts";
import { RequestMetrics } from "../../../src/http/request_metrics.ts";
import { Server } from "../../../src/http/server.ts";
import type { EventStreams } from "../../../src/http/streams/sse.ts";
import type { RateLimitOptions } from "../../../src/http/rate_limit.ts";
import type { WebSocketServer } from "../../../src/http/streams/websocket.ts";
import { MessageSender } from "../../../src/message/sender.ts";
import { Snapshot, type View } from "../../../src/run/snapshot.ts";
import { createStreams } from "../../../src/wiring/streams.ts";
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
  /** The heartbeat of event streams. */
  readonly heartbeatMs?: number;
  readonly deliveries?: WebhookEndpoint;
  readonly metrics?: Metrics;
  readonly data?: readonly Api[];
  readonly accounts?: readonly Api[];
  /** Accepts everyone by default. */
  readonly authenticator?: Authenticator;
  /** How often the sessions of connected clients are checked. */
  readonly sessionCheckMs?: number;
  readonly rateLimit?: RateLimitOptions;
  readonly publicUrl?: string;
  readonly feed?: Pick<FeedOptions, "replayLimits" | "pageSize">;
}

/** The HTTP server alone; the test publishes snapshots and events. `await using` stops it. */
export class ServerUnderTest {
  readonly activeClients = new ActiveClients();
  readonly eventLog = new FakeEventLog();
  readonly messages = new MemoryMessageStore(this.eventLog);
  readonly feed: Feed;
  readonly fanout: TopicFanout;
  readonly connectionLimit: ConnectionLimit;
  readonly connections: WebSocketServer;
  readonly events: EventStreams;
  readonly requests = new RequestMetrics();
  port = 0;
  /** The snapshot that a new client receives at once. */
  current: Snapshot | undefined;
  readonly #broadcast: Broadcast<View>;
  readonly #stop = new AbortController();
  readonly #server: Server;
  readonly #boundPort = Promise.withResolvers<number>();
  #finished: Promise<unknown> | undefined;

  constructor(settings: ServerSettings = {}) {
    const { clock = systemClock, maxConnections = 100, heartbeatSeconds, heartbeatMs } = settings;
    const { deliveries, authenticator = new FakeAuthenticator({ isOpen: true }), sessionCheckMs } =
      settings;
    this.#broadcast = new Broadcast({ clock, activeClients: this.activeClients });
    this.feed = new Feed({ eventLog: this.eventLog, clock, ...settings.feed });
    this.fanout = new TopicFanout({ feed: this.feed, topics: new Set(["message"]), clock });
    const sender = new MessageSender({
      store: this.messages,
      generateId: () => crypto.randomUUID(),
      publish: (events) => this.feed.emit(events),
    });
    const origins = settings.origins ??
      toOriginPolicy({ allowed: [], publicUrl: undefined, isLoopback: true });
    const streams = createStreams({
      feed: this.feed,
      activeClients: this.activeClients,
      broadcast: this.#broadcast,
      currentSnapshot: () => this.current,
      encodeSnapshot: (view, visibility) => Promise.resolve(this.current?.encode(view, visibility)),
      messageFanout: this.fanout,
      sender,
      authenticator,
      maxConnections,
      clock,
      intervals: {
        webSocketHeartbeatSeconds: heartbeatSeconds,
        eventStreamHeartbeatMs: heartbeatMs,
        sessionCheckMs,
      },
    });
    this.connectionLimit = streams.connectionLimit;
    this.connections = streams.webSockets;
    this.events = streams.eventStreams;
    this.#server = new Server({
      hostname: "127.0.0.1",
      port: settings.port ?? 0,
      connectionLimit: this.connectionLimit,
      webSockets: this.connections,
      eventStreams: this.events,
      health: settings.health ?? (() =>
        checkHealth({
          poller: { status: { state: "idle", waitingUntil: null, lastSuccessAt: null } },
          rateLimit: () => undefined,
          services: {},
          clock,
        })),
      ...(deliveries === undefined ? {} : { webhookEndpoint: deliveries }),
      ...(settings.metrics === undefined ? {} : { metrics: settings.metrics }),
      requestMetrics: this.requests,
      data: settings.data ?? [],
      accounts: settings.accounts ?? [],
      messages: messageRoutes({ messages: this.messages, sender }),
      authenticator,
      rateLimitOptions: settings.rateLimit,
      origins,
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

  /** Publishes a snapshot of one run with this title. */
  publishRun(title: string): void {
    this.publishSnapshot(new Snapshot([aRun({ displayTitle: title })], 0));
  }

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

/** The title of the run in a frame of `publishRun`. */
export function readTitle(frame: string): string {
  return JSON.parse(frame).runs[0].displayTitle;
}
