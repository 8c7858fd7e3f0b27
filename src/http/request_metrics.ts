import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import { monotonicNow } from "../clock.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { log, type Logger, withContext } from "../log.ts";
import type { RequestEnvironment } from "./api.ts";
import { matchedRoute } from "./security.ts";

/** Others are counted as one: whoever asks can make up as many as he likes. */
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** What machines ask all the time, and deliveries, which are kept with what becomes of them: worth a line where it fails. */
const QUIET_ROUTES = new Set(["/health", "/livez", "/metrics", "/api/v1/webhook/github"]);
/** Of a path in the log: those of ours are shorter. */
const MAX_PATH = 200;

/** What was asked, as it is counted. */
export interface RequestLabels {
  readonly method: string;
  /** As it was defined, for example `/runs/:id`; `none` where there is none. */
  readonly route: string;
  readonly status: number;
}

/** How many requests there were, and how long they took, in numbers that are read when somebody asks for them. */
export class RequestMetrics {
  readonly #counts = new Map<string, RequestLabels & { count: number }>();
  readonly #latencies = new Map<string, LatencyHistogram>();

  get counts(): Iterable<RequestLabels & { readonly count: number }> {
    return this.#counts.values();
  }

  /** By route: until the answer began. */
  get latencies(): ReadonlyMap<string, LatencyHistogram> {
    return this.#latencies;
  }

  count(labels: RequestLabels, seconds: number): void {
    const { method, route, status } = labels;
    const key = `${method} ${route} ${status}`;
    const entry = this.#counts.get(key) ?? { ...labels, count: 0 };
    entry.count++;
    this.#counts.set(key, entry);
    const latency = this.#latencies.get(route) ?? new LatencyHistogram();
    latency.observe(seconds);
    this.#latencies.set(route, latency);
  }
}

/** Counts every request, and logs one line for each. What is logged meanwhile names the request, too. */
export function recordRequests(requests: RequestMetrics): MiddlewareHandler<RequestEnvironment> {
  const logger = log("http");
  return async (context, next) => {
    const start = monotonicNow();
    await withContext({ requestId: context.get("requestId") }, next);
    const ms = monotonicNow() - start;
    const { method } = context.req;
    const { status } = context.res;
    const route = matchedRoute(context) ?? "none";
    requests.count(
      { method: KNOWN_METHODS.has(method) ? method : "other", route, status },
      ms / 1_000,
    );
    logRequest(context, { logger, route, ms });
  };
}

/** Without the query, which may hold what nobody else is to know. */
function logRequest(
  context: Context<RequestEnvironment>,
  { logger, route, ms }: {
    readonly logger: Logger;
    readonly route: string;
    readonly ms: number;
  },
): void {
  const { status } = context.res;
  const isQuietRoute = QUIET_ROUTES.has(route) && status < 400;
  const level = status >= 500 ? "warning" : isQuietRoute ? "debug" : "info";
  if (!logger.isEnabledFor(level)) return;
  const principal: Principal | undefined = context.get("principal");
  logger[level]("{method} {path}: {status}", {
    method: context.req.method,
    path: context.req.path.slice(0, MAX_PATH),
    status,
    ms: Math.round(ms * 10) / 10,
    account: principal?.id ?? null,
    requestId: context.get("requestId"),
  });
}
