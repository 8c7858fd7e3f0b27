import type { Context } from "hono";
import type { Principal } from "../account/principal.ts";
import { TokenRejectedError } from "../account/oauth_provider.ts";
import type { Visibility } from "../visibility.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import { BatchEncoder } from "../feed/batch_encoder.ts";
import type { Feed } from "../feed/feed.ts";
import { sendEvents } from "../feed/send_events.ts";
import { MAX_BUFFERED_BYTES } from "../feed/latest_queue.ts";
import type { TopicFanout } from "../feed/topic_fanout.ts";
import { log } from "../log.ts";
import type { MessageSender } from "../message/sender.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { RequestEnvironment } from "./api.ts";
import type { CallerWatch, Stay } from "./caller_watch.ts";
import type { Capacity } from "./capacity.ts";
import { CLOSE_GOING_AWAY, CLOSE_INTERNAL_ERROR, CLOSE_POLICY_VIOLATION } from "./close_code.ts";
import { Connection } from "./connection.ts";
import { mayConnect, originProblem, type OriginRule } from "./origin.ts";
import { problem } from "./problem.ts";
import { onceKnown } from "./sight.ts";
import { Traffic } from "./traffic.ts";
import { Inbound } from "./ws_inbound.ts";
import { type SocketParameters, socketParameters } from "./ws_parameters.ts";

/** Deno sends a ping after half of this silence, and closes the connection after all of it. */
const HEARTBEAT_SECONDS = 30;
/** How long closed clients have to say goodbye. */
const CLOSE_LIMIT_MS = 1_000;

export interface ConnectionsOptions {
  readonly broadcast: Broadcast<View>;
  /** The snapshot that a new client gets at once. */
  readonly current: () => Snapshot | undefined;
  readonly feed: Feed;
  /** Tells what clients say, */
  readonly relay: TopicFanout;
  /** and takes it. */
  readonly sender: Pick<MessageSender, "send">;
  readonly audience: ActiveClients;
  /** The snapshot that follows a gap in the events; `undefined` where there is none. */
  readonly snapshot: (view: View, visible: Visibility) => Promise<string | undefined>;
  readonly origins: OriginRule;
  readonly capacity: Capacity;
  readonly watch: CallerWatch;
  readonly clock: Clock;
  readonly heartbeatSeconds?: number;
}

/** The WebSocket clients of `/ws`. */
export class Connections {
  readonly traffic = new Traffic();
  readonly #options: ConnectionsOptions;
  readonly #logger = log("http");
  readonly #open = new Set<Connection>();
  readonly #arrays = new BatchEncoder(MAX_BUFFERED_BYTES);

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Answers `GET /ws?view=&topics=&since=&repository=&batch=`: 101, or a problem that says why not.
   * @throws {ProblemError}, and what the caller throws who cannot be told what it may see
   */
  async upgrade(context: Context<RequestEnvironment>): Promise<Response> {
    const { headers } = context.req.raw;
    const caller = context.get("caller");
    const { origins, capacity } = this.#options;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return problem(context, "upgrade_required", {
        detail: "Cannot answer a plain request on /ws: open a WebSocket here",
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    // A browser sends the cookie whatever page connects, and says which.
    const isOwn = caller.kind !== "session" || headers.has("origin");
    if (!isOwn || !mayConnect(headers, origins)) throw originProblem();
    const parameters = socketParameters(context.req.query());
    // Whoever cannot be told anything is refused here, where the reason can be said.
    await caller.visibility();
    return capacity.refuse(context) ?? this.#accept(context.req.raw, { caller, parameters });
  }

  /** Tells every client that we go away; resolves when they have left, or have had their time. */
  async close(): Promise<void> {
    const leaving = [...this.#open];
    for (const connection of leaving) connection.close(CLOSE_GOING_AWAY, "Runwire is stopping");
    const limit = new AbortController();
    await Promise.race([
      Promise.all(leaving.map((connection) => connection.closed)),
      this.#options.clock.sleep(CLOSE_LIMIT_MS, limit.signal),
    ]);
    limit.abort();
  }

  #accept(
    request: Request,
    { caller, parameters }: { readonly caller: Principal; readonly parameters: SocketParameters },
  ): Response {
    const { capacity, watch, sender, clock } = this.#options;
    const { heartbeatSeconds = HEARTBEAT_SECONDS } = this.#options;
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: heartbeatSeconds });
    const connection = new Connection(socket, {
      onOpen: () => this.#join(connection, { stay, parameters }),
      onFrame: (frame) => inbound.receive(frame),
      traffic: this.traffic,
      clock,
    });
    const stay = watch.enter(caller, () => sendAway(connection));
    const inbound = new Inbound(connection, { stay, sender, clock });
    this.#open.add(connection);
    connection.left.addEventListener("abort", () => {
      this.#open.delete(connection);
      stay.leave();
    });
    // One that we have closed may cling on: Deno cannot cut it off.
    capacity.take(connection.closed);
    return response;
  }

  #join(
    connection: Connection,
    { stay, parameters }: { readonly stay: Stay; readonly parameters: SocketParameters },
  ): void {
    const { broadcast, relay, clock, current } = this.#options;
    const { topics, view, ...asked } = parameters;
    const signal = connection.left;
    if (signal.aborted) return;
    const sight = onceKnown(() => stay.visible(), { clock, signal });
    if (topics.has("runs")) {
      broadcast.subscribe(connection, { view, visibility: sight, current: current() });
      connection.left.addEventListener("abort", () => broadcast.unsubscribe(connection));
    }
    if (topics.has("events")) return void this.#tell(connection, { view, sight, ...asked });
    if (!topics.has("messages")) return;
    relay.subscribe(connection);
    connection.left.addEventListener("abort", () => relay.unsubscribe(connection));
  }

  /** Sends events until the client has left. */
  async #tell(
    connection: Connection,
    { view, sight, events, batch }: Omit<SocketParameters, "topics"> & {
      readonly sight: () => Visibility | Promise<Visibility>;
    },
  ): Promise<void> {
    const { feed, audience, clock, snapshot } = this.#options;
    const signal = connection.left;
    audience.add();
    try {
      await sendEvents(await feed.subscribe({ ...events, batch, visibility: sight, signal }), {
        sink: connection,
        clock,
        signal,
        ...(batch ? { encode: (events) => this.#arrays.encode(events) } : {}),
        snapshot: async () => await snapshot(view, await sight()),
      });
    } catch (error) {
      if (error instanceof TokenRejectedError) return sendAway(connection);
      this.#logger.warning("Cannot go on telling events: {reason}", { reason: messageOf(error) });
      connection.close(CLOSE_INTERNAL_ERROR, "Events cannot be read now");
    } finally {
      audience.remove();
    }
  }
}

function sendAway(connection: Connection): void {
  connection.close(CLOSE_POLICY_VIOLATION, "The session or key has ended");
}
