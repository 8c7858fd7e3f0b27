import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Audience } from "../feed/audience.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import { EventArrays } from "../feed/event_arrays.ts";
import type { Feed } from "../feed/feed.ts";
import { forward } from "../feed/forward.ts";
import { MAX_BUFFERED_BYTES } from "../feed/outbox.ts";
import { log } from "../log.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Capacity } from "./capacity.ts";
import { Connection } from "./connection.ts";
import { mayConnect, originProblem, type OriginRule } from "./origin.ts";
import { problem } from "./problem.ts";
import { type SocketParameters, socketParameters } from "./ws_parameters.ts";

/** Close codes of RFC 6455, section 7.4.1. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_INTERNAL_ERROR = 1011;

/** Deno sends a ping after half of this silence, and closes the connection after all of it. */
const HEARTBEAT_SECONDS = 30;
/** How long closed clients have to say goodbye. */
const CLOSE_LIMIT_MS = 1_000;

export interface ConnectionsOptions {
  readonly broadcast: Broadcast<View>;
  /** The snapshot that a new client gets at once. */
  readonly current: () => Snapshot | undefined;
  readonly feed: Feed;
  readonly audience: Audience;
  /** The snapshot that follows a gap in the events; `undefined` where there is none. */
  readonly snapshot: (view: View) => Promise<string | undefined>;
  readonly origins: OriginRule;
  readonly capacity: Capacity;
  readonly clock: Clock;
  readonly heartbeatSeconds?: number;
}

/** The WebSocket clients of `/ws`. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #logger = log("http");
  readonly #open = new Set<Connection>();
  readonly #arrays = new EventArrays(MAX_BUFFERED_BYTES);

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Answers `GET /ws?view=&topics=&since=&repository=&batch=`: 101, or a problem that says why not.
   * @throws {ProblemError}
   */
  upgrade(context: Context): Response {
    const { headers } = context.req.raw;
    const { origins, capacity } = this.#options;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return problem(context, "upgrade_required", {
        detail: "Cannot answer a plain request on /ws: open a WebSocket here",
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    if (!mayConnect(headers, origins)) throw originProblem();
    const parameters = socketParameters(context.req.query());
    return capacity.refuse(context) ?? this.#accept(context.req.raw, parameters);
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

  #accept(request: Request, parameters: SocketParameters): Response {
    const { capacity, heartbeatSeconds = HEARTBEAT_SECONDS } = this.#options;
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: heartbeatSeconds });
    const connection = new Connection(socket, () => this.#join(connection, parameters));
    this.#open.add(connection);
    connection.left.addEventListener("abort", () => this.#open.delete(connection));
    // One that we have closed may cling on: Deno cannot cut it off.
    capacity.take(connection.closed);
    return response;
  }

  #join(connection: Connection, { topics, view, ...asked }: SocketParameters): void {
    const { broadcast, current } = this.#options;
    if (connection.left.aborted) return;
    if (topics.has("runs")) {
      broadcast.join(connection, view, current());
      connection.left.addEventListener("abort", () => broadcast.leave(connection));
    }
    if (topics.has("events")) void this.#tell(connection, { view, ...asked });
  }

  /** Sends events until the client has left. */
  async #tell(
    connection: Connection,
    { view, events, batch }: Omit<SocketParameters, "topics">,
  ): Promise<void> {
    const { feed, audience, clock, snapshot } = this.#options;
    const signal = connection.left;
    audience.enter();
    try {
      await forward(await feed.follow({ ...events, batch, signal }), {
        sink: connection,
        clock,
        signal,
        ...(batch ? { encode: (events) => this.#arrays.of(events) } : {}),
        snapshot: () => snapshot(view),
      });
    } catch (error) {
      this.#logger.warning("Cannot go on telling events: {reason}", { reason: messageOf(error) });
      connection.close(CLOSE_INTERNAL_ERROR, "Events cannot be read now");
    } finally {
      audience.leave();
    }
  }
}
