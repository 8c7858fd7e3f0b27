import type { Context } from "hono";
import type { Clock } from "../clock.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { Sink } from "../feed/outbox.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import { mayConnect, type OriginRule } from "./origin.ts";
import { problem } from "./problem.ts";

/** Close codes of RFC 6455, section 7.4.1. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_TOO_BIG = 1009;

/** The most that a client may say in one frame. */
export const MAX_INBOUND_BYTES = 64 * 1024;
/** Deno sends a ping after half of this silence, and closes the connection after all of it. */
const HEARTBEAT_SECONDS = 30;
/** How long closed clients have to say goodbye. */
const CLOSE_LIMIT_MS = 1_000;
const RETRY_AFTER_SECONDS = 30;

const VIEWS = ["compact", "full"] as const satisfies readonly View[];
const TOPICS = ["runs"];

export interface ConnectionsOptions {
  readonly broadcast: Broadcast<View>;
  /** The snapshot that a new client gets at once. */
  readonly current: () => Snapshot | undefined;
  readonly origins: OriginRule;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly heartbeatSeconds?: number;
}

/** The WebSocket clients of `/ws`. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Set<Connection>();
  /** Connections that have not ended. One that we closed may cling on: Deno cannot cut it off. */
  #unended = 0;
  #isClosing = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Answers `GET /ws?view=&topics=`: 101, or a problem that says why not. */
  upgrade(context: Context): Response {
    const { headers } = context.req.raw;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return problem(context, "upgrade_required", {
        detail: "Cannot answer a plain request on /ws: open a WebSocket here",
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    if (!mayConnect(headers, this.#options.origins)) {
      return problem(context, "origin_not_allowed", {
        detail: "Cannot connect from this page: name its origin in ALLOWED_ORIGINS to allow it",
      });
    }
    const { view = "compact", topics = "runs" } = context.req.query();
    if (!isView(view)) return badParameter(context, { name: "view", value: view, allowed: VIEWS });
    for (const topic of topics.split(",")) {
      if (!TOPICS.includes(topic)) {
        return badParameter(context, { name: "topics", value: topic, allowed: TOPICS });
      }
    }
    if (this.#isClosing) {
      return problem(context, "stopping", {
        detail: "Cannot take a client while Runwire stops: try again",
        headers: { "Retry-After": "1" },
      });
    }
    if (this.#unended >= this.#options.maxConnections) {
      return problem(context, "too_many_connections", {
        detail: `Cannot take another client: the limit is ${this.#options.maxConnections}`,
        headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
      });
    }
    return this.#accept(context.req.raw, view);
  }

  /** Tells every client that we go away, and takes no more; resolves when they have left, or have had their time. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const leaving = [...this.#open];
    for (const connection of leaving) connection.close(CLOSE_GOING_AWAY, "Runwire is stopping");
    const limit = new AbortController();
    await Promise.race([
      Promise.all(leaving.map((connection) => connection.closed)),
      this.#options.clock.sleep(CLOSE_LIMIT_MS, limit.signal),
    ]);
    limit.abort();
  }

  #accept(request: Request, view: View): Response {
    const { broadcast, current, heartbeatSeconds = HEARTBEAT_SECONDS } = this.#options;
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: heartbeatSeconds });
    const connection = new Connection(socket, {
      onOpen: () => broadcast.join(connection, view, current()),
      onLeave: () => {
        this.#open.delete(connection);
        broadcast.leave(connection);
      },
    });
    this.#open.add(connection);
    this.#unended++;
    void connection.closed.then(() => this.#unended--);
    return response;
  }
}

/** One client. It has left as soon as we close it: Deno may tell so late, twice, or (deno#27924) never. */
class Connection implements Sink {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #onLeave: () => void;

  constructor(socket: WebSocket, on: { onOpen: () => void; onLeave: () => void }) {
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#socket = socket;
    this.#onLeave = on.onLeave;
    socket.binaryType = "arraybuffer";
    socket.onopen = on.onOpen;
    socket.onmessage = ({ data }) => this.#receive(data);
    // An error is always followed by a close.
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = () => {
      on.onLeave();
      closed.resolve();
    };
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  close(code: number, reason: string): void {
    this.#onLeave();
    this.#socket.close(code, reason);
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (byteLength(data) <= MAX_INBOUND_BYTES) return;
    this.close(CLOSE_TOO_BIG, `A frame may have ${MAX_INBOUND_BYTES} bytes at the most`);
  }
}

function byteLength(data: string | ArrayBuffer): number {
  return typeof data === "string" ? new TextEncoder().encode(data).byteLength : data.byteLength;
}

function isView(value: string): value is View {
  return VIEWS.some((view) => view === value);
}

function badParameter(
  context: Context,
  { name, value, allowed }: { name: string; value: string; allowed: readonly string[] },
): Response {
  return problem(context, "bad_parameter", {
    detail: `Cannot use ${name}="${value}": allowed is ${allowed.join(", ")}`,
  });
}
