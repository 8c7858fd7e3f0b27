import type { Context } from "hono";
import type { Principal } from "../../account/principal.ts";
import type { Visibility } from "../../visibility.ts";
import type { Clock } from "../../clock.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import type { Feed } from "../../feed/feed.ts";
import type { View } from "../../run/snapshot.ts";
import type { RequestEnvironment } from "../api.ts";
import type { SessionMonitor } from "./session_monitor.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import { CLOSE_GOING_AWAY, CLOSE_POLICY_VIOLATION } from "./close_code.ts";
import { type EventQuery, parseEventQuery } from "./stream_params.ts";
import { EventStream } from "./event_stream.ts";
import { corsHeaders, isReadAllowed, type OriginPolicy, originProblem } from "../origin.ts";
import { ConnectionMetrics } from "./connection_metrics.ts";

/** Proxies and clients take a longer silence for the end. */
const HEARTBEAT_MS = 15_000;
/** How often streams are looked at, whether one is silent or held up. */
const TICK_MS = 1_000;

export interface EventStreamsOptions {
  readonly feed: Feed;
  readonly activeClients: ActiveClients;
  /** The snapshot that follows a gap in the events; `undefined` where there is none. */
  readonly snapshot: (view: View, visibility: Visibility) => Promise<string | undefined>;
  readonly origins: OriginPolicy;
  readonly connectionLimit: ConnectionLimit;
  readonly sessionMonitor: SessionMonitor;
  readonly clock: Clock;
  readonly heartbeatMs?: number;
}

/** The clients of `/api/v1/events`, by the protocol of https://html.spec.whatwg.org/#server-sent-events. */
export class EventStreams {
  readonly traffic = new ConnectionMetrics();
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
   * Answers `GET /api/v1/events?since=&topics=&repository=`: a stream that lasts, or a problem that says why not.
   * @throws {ProblemError}, and what the caller throws who cannot be told what it may see
   */
  async handle(context: Context<RequestEnvironment>): Promise<Response> {
    const { headers } = context.req.raw;
    const { origins, connectionLimit } = this.#options;
    if (!isReadAllowed(headers, origins)) throw originProblem();
    const query = parseEventQuery(context);
    const principal = context.get("principal");
    // Whoever cannot be told anything is refused here, where the reason can be said.
    await principal.visibility();
    const rejection = connectionLimit.check(context);
    if (rejection) return rejection;
    const responseHeaders = {
      "Content-Type": "text/event-stream",
      "Cache-Control": "private, no-cache",
      Vary: "Cookie, Authorization, Origin",
      "X-Accel-Buffering": "no",
      ...corsHeaders(headers),
    };
    if (context.req.method === "HEAD") return context.body(null, 200, responseHeaders);
    const body = this.#start({ principal, query, completed: context.env.completed });
    return context.body(body, 200, responseHeaders);
  }

  /** Ends every stream, so that clients connect again elsewhere. */
  close(): void {
    for (const stream of this.#open) stream.end(CLOSE_GOING_AWAY);
  }

  #start({ principal, query, completed }: {
    readonly principal: Principal;
    readonly query: EventQuery;
    readonly completed: Promise<void>;
  }): EventStream["body"] {
    const { feed, activeClients, snapshot, connectionLimit, sessionMonitor, clock } = this.#options;
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    const watched = sessionMonitor.watch(principal, () => stream.end(CLOSE_POLICY_VIOLATION));
    const stream = new EventStream(query, {
      feed,
      clock,
      currentVisibility: () => watched.visibility(),
      snapshot: (visibility) => snapshot("full", visibility),
      heartbeatMs,
      traffic: this.traffic,
      onEnd: () => {
        this.#open.delete(stream);
        watched.unwatch();
        if (this.#open.size === 0) this.#stopTimer();
        activeClients.remove();
      },
    });
    this.#open.add(stream);
    activeClients.add();
    // The connection of a stream that was cut lives on until its client reads: Deno cannot cut it off.
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
