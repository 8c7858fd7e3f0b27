import { type Context, Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Clock } from "../clock.ts";
import { messageOf, UsageError } from "../errors.ts";
import { log } from "../log.ts";
import type { Health } from "./health.ts";
import { problem } from "./problem.ts";
import type { Connections } from "./ws.ts";

/** How long requests under way have to end when we stop. */
const DRAIN_LIMIT_MS = 2_000;

export interface RouterOptions {
  readonly connections: Connections;
  readonly health: () => Health;
}

/** Every route. */
export function router({ connections, health }: RouterOptions): Hono {
  const logger = log("http");
  const routes: Record<string, (context: Context) => Response> = {
    "/ws": (context) => connections.upgrade(context),
    "/health": (context) => {
      const body = health();
      return context.json(body, body.status === "unhealthy" ? 503 : 200);
    },
    "/livez": (context) => context.json({ status: "alive" }),
  };
  const app = new Hono();
  app.use(requestId());
  for (const [path, answer] of Object.entries(routes)) {
    app.get(path, answer);
    app.all(path, (context) =>
      problem(context, "method_not_allowed", {
        detail: `Cannot ${context.req.method} ${path}: allowed is GET`,
        headers: { Allow: "GET, HEAD" },
      }));
  }
  app.notFound((context) =>
    problem(context, "not_found", {
      detail: `Cannot find ${context.req.path}: there are ${Object.keys(routes).join(", ")}`,
    })
  );
  app.onError((error, context) => {
    logger.error("{method} {path} failed: {error}", {
      method: context.req.method,
      path: context.req.path,
      error,
    });
    return problem(context, "internal", {
      detail: `Cannot answer: look for request ${context.get("requestId")} in the log`,
    });
  });
  return app;
}

export interface ServerOptions extends RouterOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: Clock;
  /** Told as soon as clients can connect. */
  readonly onListen: (address: { hostname: string; port: number }) => void;
}

/** Listens for clients. */
export class Server {
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Serves until `signal` aborts; then says goodbye to WebSocket clients, lets requests end, and resolves within 5 s.
   * @throws {UsageError} when the address cannot be listened on
   */
  async run(signal: AbortSignal): Promise<void> {
    const { connections, clock } = this.#options;
    const cut = new AbortController();
    const server = this.#listen(cut.signal);
    const stopped = Promise.withResolvers<void>();
    if (signal.aborted) stopped.resolve();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([stopped.promise, server.finished]);
    // In this order: shutdown() closes sockets with words of its own.
    await connections.close();
    const drained = server.shutdown().then(() => true);
    const limit = new AbortController();
    const late = clock.sleep(DRAIN_LIMIT_MS, limit.signal).then(() => false);
    const isDrained = await Promise.race([drained, late]);
    limit.abort();
    // Deno 2.9.6 ends the program with BadResource when a server is aborted after it has shut down.
    if (!isDrained) cut.abort();
    await server.finished;
  }

  #listen(signal: AbortSignal): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, port, onListen } = this.#options;
    const app = router(this.#options);
    try {
      return Deno.serve({ hostname, port, signal, onListen }, (request) => app.fetch(request));
    } catch (error) {
      const reason = error instanceof Deno.errors.AddrInUse ? "it is in use" : messageOf(error);
      throw new UsageError(
        `Cannot listen on ${hostname}:${port} (${reason}): set SERVER_HOST and SERVER_PORT to a free address`,
        { cause: error },
      );
    }
  }
}
