import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import { monotonicNow } from "../clock.ts";
import { Latency } from "../latency.ts";
import { log, type Logger, withContext } from "../log.ts";
import type { RequestEnvironment } from "./api.ts";
import { routeOf } from "./route.ts";

/** Others are counted as one: whoever asks can make up as many as he likes. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** What machines ask all the time, and deliveries, which are kept with what becomes of them: worth a line where it fails. */
const QUIET = new Set(["/health", "/livez", "/metrics", "/api/v1/webhook/github"]);
/** Of a path in the log: those of ours are shorter. */
const MAX_PATH = 200;

/** What was asked, as it is counted. */
export interface RequestKind {
  readonly method: string;
  /** As it was defined, for example `/runs/:id`; `none` where there is none. */
  readonly route: string;
  readonly status: number;
}

/** How many requests there were, and how long they took, in numbers that are read when somebody asks for them. */
export class Requests {
  readonly #counts = new Map<string, RequestKind & { count: number }>();
  readonly #latencies = new Map<string, Latency>();

  get counts(): Iterable<RequestKind & { readonly count: number }> {
    return this.#counts.values();
  }

  /** By route: until the answer began. */
  get latencies(): ReadonlyMap<string, Latency> {
    return this.#latencies;
  }

  count(kind: RequestKind, seconds: number): void {
    const { method, route, status } = kind;
    const key = `${method} ${route} ${status}`;
    const counted = this.#counts.get(key) ?? { ...kind, count: 0 };
    counted.count++;
    this.#counts.set(key, counted);
    const latency = this.#latencies.get(route) ?? new Latency();
    latency.observe(seconds);
    this.#latencies.set(route, latency);
  }
}

/** Counts every request, and logs one line for each. What is logged meanwhile names the request, too. */
export function observed(requests: Requests): MiddlewareHandler<RequestEnvironment> {
  const logger = log("http");
  return async (context, next) => {
    const start = monotonicNow();
    await withContext({ requestId: context.get("requestId") }, next);
    const ms = monotonicNow() - start;
    const { method } = context.req;
    const { status } = context.res;
    const route = routeOf(context) ?? "none";
    requests.count({ method: METHODS.has(method) ? method : "other", route, status }, ms / 1_000);
    tell(context, { logger, route, ms });
  };
}

/** Without the query, which may hold what nobody else is to know. */
function tell(
  context: Context<RequestEnvironment>,
  { logger, route, ms }: {
    readonly logger: Logger;
    readonly route: string;
    readonly ms: number;
  },
): void {
  const { status } = context.res;
  const isQuiet = QUIET.has(route) && status < 400;
  const level = status >= 500 ? "warning" : isQuiet ? "debug" : "info";
  if (!logger.isEnabledFor(level)) return;
  const caller: Principal | undefined = context.get("caller");
  logger[level]("{method} {path}: {status}", {
    method: context.req.method,
    path: context.req.path.slice(0, MAX_PATH),
    status,
    ms: Math.round(ms * 10) / 10,
    account: caller?.id ?? null,
    requestId: context.get("requestId"),
  });
}
