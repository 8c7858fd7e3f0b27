import { type Context, Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Clock } from "../clock.ts";
import { messageOf, UsageError } from "../errors.ts";
import { log } from "../log.ts";
import type { Capacity } from "./capacity.ts";
import { type Deliveries, DELIVERY_PATHS } from "./delivery.ts";
import type { Health } from "./health.ts";
import { ParameterError } from "./parameter.ts";
import { problem } from "./problem.ts";
import type { EventStreams, RequestEnvironment } from "./sse.ts";
import type { Connections } from "./ws.ts";

/** How long requests under way have to end when we stop. */
const DRAIN_LIMIT_MS = 2_000;

export interface RouterOptions {
  readonly connections: Connections;
  readonly events: EventStreams;
  readonly health: () => Promise<Health>;
  readonly deliveries?: Deliveries;
}

type Answer = (context: Context<RequestEnvironment>) => Response | Promise<Response>;

/** Every route. */
export function router(
  { connections, events, health, deliveries }: RouterOptions,
): Hono<RequestEnvironment> {
  const logger = log("http");
  const gets: Record<string, Answer> = {
    "/ws": (context) => connections.upgrade(context),
    "/api/v1/events": (context) => events.answer(context),
    "/health": async (context) => {
      const body = await health();
      return context.json(body, body.status === "unhealthy" ? 503 : 200);
    },
    "/livez": (context) => context.json({ status: "alive" }),
  };
  const posts: Record<string, Answer> = {};
  if (deliveries) {
    for (const path of DELIVERY_PATHS) posts[path] = (context) => deliveries.answer(context);
  }
  const app = new Hono<RequestEnvironment>();
  app.use(requestId());
  mount(app, gets, { method: "GET", allow: "GET, HEAD" });
  mount(app, posts, { method: "POST", allow: "POST" });
  app.notFound((context) =>
    problem(context, "not_found", {
      detail: `Cannot find ${context.req.path}: there are ${
        Object.keys({ ...gets, ...posts }).join(", ")
      }`,
    })
  );
  app.onError((error, context) => {
    if (error instanceof ParameterError) {
      return problem(context, "bad_parameter", { detail: error.message });
    }
    // Without its message, which may hold what a client sent.
    logger.error("{method} {path} of request {id} failed: {kind}", {
      method: context.req.method,
      path: context.req.path,
      id: context.get("requestId"),
      kind: error.name,
      at: error.stack?.split("\n").filter((line) => /^\s+at /.test(line)),
    });
    return problem(context, "internal", {
      detail: `Cannot answer: look for request ${context.get("requestId")} in the log`,
    });
  });
  return app;
}

/** Answers these paths, and says which method is allowed where another one is used. */
function mount(
  app: Hono<RequestEnvironment>,
  routes: Record<string, Answer>,
  { method, allow }: { method: string; allow: string },
): void {
  for (const [path, answer] of Object.entries(routes)) {
    app.on(method, path, answer);
    app.all(path, (context) =>
      problem(context, "method_not_allowed", {
        detail: `Cannot ${context.req.method} ${path}: allowed is ${method}`,
        headers: { Allow: allow },
      }));
  }
}

export interface ServerOptions extends RouterOptions {
  readonly capacity: Capacity;
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
   * Serves until `signal` aborts; then says goodbye to those who are connected, lets requests end, and resolves within 5 s.
   * @throws {UsageError} when the address cannot be listened on
   */
  async run(signal: AbortSignal): Promise<void> {
    const { connections, events, deliveries, capacity, clock } = this.#options;
    const server = this.#listen();
    using _watch = deliveries?.watch();
    const stopped = Promise.withResolvers<void>();
    if (signal.aborted) stopped.resolve();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([stopped.promise, server.finished]);
    capacity.close();
    events.close();
    await connections.close();
    // Not before: it would close sockets with words of its own.
    const drained = server.shutdown();
    // What clings on ends with the process: Deno 2.9.6 throws BadResource when a server that shuts down is aborted.
    const limit = new AbortController();
    await Promise.race([drained, clock.sleep(DRAIN_LIMIT_MS, limit.signal)]);
    limit.abort();
  }

  #listen(): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, port, onListen } = this.#options;
    const app = router(this.#options);
    try {
      return Deno.serve(
        { hostname, port, onListen },
        (request, info) => app.fetch(request, info),
      );
    } catch (error) {
      const reason = error instanceof Deno.errors.AddrInUse ? "it is in use" : messageOf(error);
      throw new UsageError(
        `Cannot listen on ${hostname}:${port} (${reason}): set SERVER_HOST and SERVER_PORT to a free address`,
        { cause: error },
      );
    }
  }
}
