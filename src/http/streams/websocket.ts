import type { Context } from "hono";
import { TokenRejectedError } from "../../account/oauth_provider.ts";
import type { Principal } from "../../account/principal.ts";
import { type Clock, waitAtMost } from "../../clock.ts";
import { toErrorMessage } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import { BatchEncoder } from "../../feed/batch_encoder.ts";
import type { Broadcast } from "../../feed/broadcast.ts";
import type { Feed } from "../../feed/feed.ts";
import { sendEvents } from "../../feed/send_events.ts";
import { MAX_BUFFERED_BYTES } from "../../feed/slow_client.ts";
import type { TopicFanout } from "../../feed/topic_fanout.ts";
import { log } from "../../log.ts";
import type { MessageSender } from "../../message/sender.ts";
import type { Snapshot, View } from "../../run/snapshot.ts";
import type { Visibility } from "../../visibility.ts";
import type { RequestEnvironment } from "../api.ts";
import { isWebSocketUpgrade } from "../origin.ts";
import { toProblemError } from "../problem.ts";
import { Connection } from "./connection.ts";
import type { ConnectionLimit } from "./connection_limit.ts";
import {
  CLOSE_GOING_AWAY,
  CLOSE_INTERNAL_ERROR,
  CLOSE_POLICY_VIOLATION,
  ConnectionMetrics,
} from "./connection_metrics.ts";
import type { SessionMonitor, WatchedConnection } from "./session_monitor.ts";
import { parseWebSocketParams, type WebSocketParams } from "./stream_params.ts";
import { retryVisibility } from "./visibility_retry.ts";
import { InboundMessages } from "./websocket_messages.ts";

/** Deno sends a ping after half of this silence and closes the connection after all of it. */
const HEARTBEAT_SECONDS = 30;
/** Time limit for the close handshakes when the server stops. */
const CLOSE_TIMEOUT_MS = 1_000;

interface WebSocketServerOptions {
  readonly broadcast: Broadcast<View>;
  /** The first snapshot for a new client. */
  readonly currentSnapshot: () => Snapshot | undefined;
  readonly feed: Feed;
  readonly messageFanout: TopicFanout;
  readonly sender: Pick<MessageSender, "send">;
  readonly activeClients: ActiveClients;
  /** The snapshot after a gap in the events; `undefined` before the first poll. */
  readonly encodeSnapshot: (view: View, visibility: Visibility) => Promise<string | undefined>;
  readonly connectionLimit: ConnectionLimit;
  readonly sessionMonitor: SessionMonitor;
  readonly clock: Clock;
  readonly heartbeatSeconds?: number;
}

/** The WebSocket clients of `/ws`. */
export class WebSocketServer {
  readonly metrics = new ConnectionMetrics();
  readonly #options: WebSocketServerOptions;
  readonly #logger = log("http");
  readonly #open = new Set<Connection>();
  readonly #batchEncoder = new BatchEncoder(MAX_BUFFERED_BYTES);

  constructor(options: WebSocketServerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Responds to `GET /ws?view=&topics=&since=&repository=&batch=` with 101 or a problem.
   * @throws {ProblemError} and the errors of `Principal.visibility`
   */
  async upgrade(context: Context<RequestEnvironment>): Promise<Response> {
    if (!isWebSocketUpgrade(context.req.raw.headers)) {
      throw toProblemError("upgrade_required", { Upgrade: "websocket", Connection: "Upgrade" });
    }
    const parameters = parseWebSocketParams(context);
    const principal = context.get("principal");
    // Fails before the upgrade, so that the client receives the problem.
    await principal.visibility();
    this.#options.connectionLimit.check();
    return this.#accept(context.req.raw, { principal, parameters });
  }

  /** Closes every connection; resolves after the close handshakes or a time limit. */
  async close(): Promise<void> {
    const closing = [...this.#open];
    for (const connection of closing) {
      connection.close(CLOSE_GOING_AWAY, "Runwire is shutting down");
    }
    const closed = Promise.all(closing.map((connection) => connection.closed));
    await waitAtMost(this.#options.clock, CLOSE_TIMEOUT_MS, closed);
  }

  #accept(
    request: Request,
    { principal, parameters }: {
      readonly principal: Principal;
      readonly parameters: WebSocketParams;
    },
  ): Response {
    const { connectionLimit, sessionMonitor, sender, clock } = this.#options;
    const { heartbeatSeconds = HEARTBEAT_SECONDS } = this.#options;
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: heartbeatSeconds });
    const connection = new Connection(socket, {
      onOpen: () => this.#subscribe(connection, { watched, parameters }),
      onFrame: (frame) => inbound.receive(frame),
      metrics: this.metrics,
      clock,
    });
    const watched = sessionMonitor.watch(principal, () => closeUnauthorized(connection));
    const inbound = new InboundMessages(connection, { watched, sender, clock });
    this.#open.add(connection);
    connection.disconnected.addEventListener("abort", () => {
      this.#open.delete(connection);
      watched.unwatch();
    });
    // A client can hold a closed connection open, because Deno cannot abort it.
    connectionLimit.add(connection.closed);
    return response;
  }

  #subscribe(
    connection: Connection,
    { watched, parameters }: {
      readonly watched: WatchedConnection;
      readonly parameters: WebSocketParams;
    },
  ): void {
    const { broadcast, messageFanout, clock, currentSnapshot } = this.#options;
    const { topics, view, ...eventOptions } = parameters;
    const signal = connection.disconnected;
    if (signal.aborted) return;
    const visibility = retryVisibility(() => watched.visibility(), { clock, signal });
    if (topics.has("runs")) {
      broadcast.subscribe(connection, { view, visibility, current: currentSnapshot() });
      connection.disconnected.addEventListener("abort", () => broadcast.unsubscribe(connection));
    }
    if (topics.has("events")) {
      return void this.#sendEvents(connection, { view, visibility, ...eventOptions });
    }
    if (!topics.has("messages")) return;
    messageFanout.subscribe(connection);
    connection.disconnected.addEventListener("abort", () => messageFanout.unsubscribe(connection));
  }

  /** Sends events until the client disconnects. */
  async #sendEvents(
    connection: Connection,
    { view, visibility, events, batch }: Omit<WebSocketParams, "topics"> & {
      readonly visibility: () => Visibility | Promise<Visibility>;
    },
  ): Promise<void> {
    const { feed, activeClients, clock, encodeSnapshot } = this.#options;
    const signal = connection.disconnected;
    activeClients.add();
    try {
      await sendEvents(await feed.subscribe({ ...events, batch, visibility, signal }), {
        sink: connection,
        clock,
        signal,
        ...(batch ? { encode: (events) => this.#batchEncoder.encode(events) } : {}),
        encodeSnapshot: async () => await encodeSnapshot(view, await visibility()),
      });
    } catch (error) {
      if (error instanceof TokenRejectedError) return closeUnauthorized(connection);
      this.#logger.warning("Failed to read events; closing the WebSocket: {reason}", {
        reason: toErrorMessage(error),
      });
      connection.close(CLOSE_INTERNAL_ERROR, "Failed to read events; reconnect");
    } finally {
      activeClients.remove();
    }
  }
}

function closeUnauthorized(connection: Connection): void {
  connection.close(CLOSE_POLICY_VIOLATION, "The session or key is no longer valid");
}
