import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import { monotonicNow } from "../clock.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { log, type Logger, withContext } from "../log.ts";
import type { RequestEnvironment } from "./api.ts";
import { matchedRoute } from "./security.ts";

/** Other methods are counted together: clients can send any number of names. */
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Logged only at level debug unless they fail: probes, and webhooks, whose outcome is stored. */
const QUIET_ROUTES = new Set(["/health", "/livez", "/metrics", "/api/v1/webhook/github"]);
/** All routes are shorter. */
const MAX_LOGGED_PATH = 200;

interface RequestLabels {
  readonly method: string;
  /** The path pattern, for example `/runs/:id`; `none` if no route matches. */
  readonly route: string;
  readonly status: number;
}

/** The span that the runtime creates for each request. */
export interface RequestSpan {
  renameActiveSpan(name: string, attributes: Readonly<Record<string, string>>): void;
}

/** Request counts and latencies, read on each scrape of the metrics. */
export class RequestMetrics {
  readonly #counts = new Map<string, RequestLabels & { count: number }>();
  readonly #latencies = new Map<string, LatencyHistogram>();

  get counts(): Iterable<RequestLabels & { readonly count: number }> {
    return this.#counts.values();
  }

  /** Time until the start of the response, by route. */
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

/** Counts and logs each request. Log records that are written during the request contain its ID. */
export function recordRequests(metrics: RequestMetrics): MiddlewareHandler<RequestEnvironment> {
  const logger = log("http");
  return async (context, next) => {
    const start = monotonicNow();
    await withContext({ requestId: context.get("requestId") }, next);
    const ms = monotonicNow() - start;
    const { method } = context.req;
    const { status } = context.res;
    const route = matchedRoute(context) ?? "none";
    metrics.count(
      { method: KNOWN_METHODS.has(method) ? method : "other", route, status },
      ms / 1_000,
    );
    logRequest(context, { logger, route, ms });
  };
}

/** Omits the query, which can contain secrets. */
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
    path: context.req.path.slice(0, MAX_LOGGED_PATH),
    status,
    ms: Math.round(ms * 10) / 10,
    account: principal?.id ?? null,
    requestId: context.get("requestId"),
  });
}

/**
 * Names the span of each request by its route.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function traceRequests(span: RequestSpan): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const { method } = context.req;
    span.renameActiveSpan(method, { "runwire.request_id": context.get("requestId") });
    await next();
    const route = matchedRoute(context);
    if (route !== undefined) span.renameActiveSpan(`${method} ${route}`, { "http.route": route });
  };
}
