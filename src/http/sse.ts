import type { Context } from "hono";
import type { Principal } from "../account/principal.ts";
import type { Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Feed } from "../feed/feed.ts";
import type { View } from "../run/snapshot.ts";
import type { RequestEnvironment } from "./api.ts";
import type { CallerWatch } from "./caller_watch.ts";
import type { Capacity } from "./capacity.ts";
import { CLOSE_GOING_AWAY, CLOSE_POLICY_VIOLATION } from "./close_code.ts";
import { type EventQuery, eventQuery } from "./event_query.ts";
import { EventStream } from "./event_stream.ts";
import { crossOrigin, mayRead, originProblem, type OriginRule } from "./origin.ts";
import { Traffic } from "./traffic.ts";

/** Proxies and clients take a longer silence for the end. */
const HEARTBEAT_MS = 15_000;
/** How often streams are looked at, whether one is silent or held up. */
const TICK_MS = 1_000;

export interface EventStreamsOptions {
  readonly feed: Feed;
  readonly audience: ActiveClients;
  /** The snapshot that follows a gap in the events; `undefined` where there is none. */
  readonly snapshot: (view: View, visible: Visibility) => Promise<string | undefined>;
  readonly origins: OriginRule;
  readonly capacity: Capacity;
  readonly watch: CallerWatch;
  readonly clock: Clock;
  readonly heartbeatMs?: number;
}

/** The clients of `/api/v1/events`, by the protocol of https://html.spec.whatwg.org/#server-sent-events. */
export class EventStreams {
  readonly traffic = new Traffic();
  readonly #options: EventStreamsOptions;
  readonly #open = new Set<EventStream>();
  #stopTicking: (() => void) | undefined;

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
  async answer(context: Context<RequestEnvironment>): Promise<Response> {
    const { headers } = context.req.raw;
    const { origins, capacity } = this.#options;
    if (!mayRead(headers, origins)) throw originProblem();
    const query = eventQuery(context.req.query(), headers);
    const caller = context.get("caller");
    // Whoever cannot be told anything is refused here, where the reason can be said.
    await caller.visibility();
    const refusal = capacity.refuse(context);
    if (refusal) return refusal;
    const head = {
      "Content-Type": "text/event-stream",
      "Cache-Control": "private, no-cache",
      Vary: "Cookie, Authorization, Origin",
      "X-Accel-Buffering": "no",
      ...crossOrigin(headers),
    };
    if (context.req.method === "HEAD") return context.body(null, 200, head);
    const body = this.#start({ caller, query, completed: context.env.completed });
    return context.body(body, 200, head);
  }

  /** Ends every stream, so that clients connect again elsewhere. */
  close(): void {
    for (const stream of this.#open) stream.end(CLOSE_GOING_AWAY);
  }

  #start({ caller, query, completed }: {
    readonly caller: Principal;
    readonly query: EventQuery;
    readonly completed: Promise<void>;
  }): EventStream["body"] {
    const { feed, audience, snapshot, capacity, watch, clock } = this.#options;
    const { heartbeatMs = HEARTBEAT_MS } = this.#options;
    const stay = watch.enter(caller, () => stream.end(CLOSE_POLICY_VIOLATION));
    const stream = new EventStream(query, {
      feed,
      clock,
      visible: () => stay.visible(),
      snapshot: (visible) => snapshot("full", visible),
      heartbeatMs,
      traffic: this.traffic,
      onEnd: () => {
        this.#open.delete(stream);
        stay.leave();
        if (this.#open.size === 0) this.#rest();
        audience.remove();
      },
    });
    this.#open.add(stream);
    audience.add();
    // The connection of a stream that was cut lives on until its client reads: Deno cannot cut it off.
    capacity.take(completed);
    this.#stopTicking ??= clock.every(Math.min(heartbeatMs, TICK_MS), () => this.#tick());
    return stream.body;
  }

  #tick(): void {
    for (const stream of this.#open) stream.tick();
  }

  #rest(): void {
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }
}
