import type { Context } from "hono";
import type { Principal } from "../../account/principal.ts";
import type { Clock } from "../../clock.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import type { Feed } from "../../feed/feed.ts";
import type { View } from "../../run/snapshot.ts";
import type { Visibility } from "../../visibility.ts";
import type { RequestEnvironment } from "../api.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import {
  CLOSE_GOING_AWAY,
  CLOSE_POLICY_VIOLATION,
  ConnectionMetrics,
} from "./connection_metrics.ts";
import { EventStream } from "./event_stream.ts";
import type { SessionMonitor } from "./session_monitor.ts";
import { type EventQuery, parseEventQuery } from "./stream_params.ts";

/** Proxies and clients close a connection after a longer silence. */
const HEARTBEAT_MS = 15_000;
/** How often heartbeats and slow clients are checked. */
const TICK_MS = 1_000;

interface EventStreamsOptions {
  readonly feed: Feed;
  readonly activeClients: ActiveClients;
  /** The snapshot after a gap in the events; `undefined` before the first poll. */
  readonly encodeSnapshot: (view: View, visibility: Visibility) => Promise<string | undefined>;
  readonly connectionLimit: ConnectionLimit;
  readonly sessionMonitor: SessionMonitor;
  readonly clock: Clock;
  readonly heartbeatMs?: number;
}

/** The clients of `/api/v1/events`: https://html.spec.whatwg.org/#server-sent-events */
export class EventStreams {
  readonly metrics = new ConnectionMetrics();
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Responds to `GET /api/v1/events?since=&topics=&repository=` with a stream or a problem.
   * @throws {ProblemError} and the errors of `Principal.visibility`
   */
  async handle(context: Context<RequestEnvironment>): Promise<Response> {
    const query = parseEventQuery(context);
    const principal = context.get("principal");
    // Fails before the stream starts, so that the client receives the problem.
    await principal.visibility();
    this.#options.connectionLimit.check();
    const responseHeaders = {
      "Content-Type": "text/event-stream",
      "X-Accel-Buffering": "no",
    };
    if (context.req.method === "HEAD") return context.body(null, 200, responseHeaders);
    const body = this.#start({ principal, query, completed: context.env.completed });
    return context.body(body, 200, responseHeaders);
  }

  /** Ends every stream; the clients reconnect to another instance. */
  close(): void {
    for (const stream of this.#open) stream.end(CLOSE_GOING_AWAY);
  }

  #start({ principal, query, completed }: {
    readonly principal: Principal;
    readonly query: EventQuery;
    readonly completed: Promise<void>;
  }): EventStream["body"] {
    const { feed, activeClients, encodeSnapshot, connectionLimit, sessionMonitor, clock } =
      this.#options;
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    const watched = sessionMonitor.watch(principal, () => stream.end(CLOSE_POLICY_VIOLATION));
    const stream = new EventStream(query, {
      feed,
      clock,
      currentVisibility: () => watched.visibility(),
      encodeSnapshot: (visibility) => encodeSnapshot("full", visibility),
      heartbeatMs,
      metrics: this.metrics,
      onEnd: () => {
        this.#open.delete(stream);
        watched.unwatch();
        if (this.#open.size === 0) this.#stopTimer();
        activeClients.remove();
      },
    });
    this.#open.add(stream);
    activeClients.add();
    // The connection of an ended stream stays open until its client reads: Deno cannot abort it.
    connectionLimit.add(completed);
    this.#cancelTimer ??= clock.every(Math.min(heartbeatMs, TICK_MS), () => this.#tick());
    return stream.body;
  }

  #tick(): void {
    for (const stream of this.#open) stream.tick();
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
