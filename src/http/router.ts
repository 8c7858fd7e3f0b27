import { Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Authenticator } from "../account/authenticator.ts";
import type { Clock } from "../clock.ts";
import { anyOf } from "../error_text.ts";
import { type Api, newApi, type RequestEnvironment } from "./api.ts";
import { authenticate, type AuthOptions, authorize } from "./auth.ts";
import { readJsonBody } from "./body.ts";
import { toCookieNames } from "./cookie.ts";
import { createErrorHandler } from "./error_handler.ts";
import { etag } from "./etag.ts";
import { originGuard, type OriginPolicy } from "./origin.ts";
import { problemResponse } from "./problem.ts";
import { rateLimit, type RateLimitOptions } from "./rate_limit.ts";
import {
  recordRequests,
  type RequestMetrics,
  type RequestSpan,
  traceRequests,
} from "./request_metrics.ts";
import { deliveryRoutes, type WebhookEndpoint } from "./routes/delivery.ts";
import { docsRoutes } from "./routes/docs.ts";
import { type Health, healthRoutes } from "./routes/health.ts";
import { type Metrics, metricsRoutes } from "./routes/metrics.ts";
import { buildDocument, openApiRoutes } from "./routes/openapi.ts";
import { secureHeaders } from "./secure_headers.ts";
import { type AccessPolicy, toPolicies, toRouterPath } from "./security.ts";
import { StaleCache } from "./stale_cache.ts";
import type { EventStreams } from "./streams/sse.ts";
import { streamRoutes } from "./streams/stream_routes.ts";
import type { WebSocketServer } from "./streams/websocket.ts";

/** Base paths of the data routes, as in DATA_SERVERS. */
const DATA_BASE_PATHS = ["/", "/api/v1"];

export interface RouterOptions {
  readonly webSockets: WebSocketServer;
  readonly eventStreams: EventStreams;
  readonly health: () => Promise<Health>;
  readonly metrics?: Metrics;
  readonly requestMetrics: RequestMetrics;
  /** `undefined` if tracing is off. */
  readonly tracing?: RequestSpan | undefined;
  readonly webhookEndpoint?: WebhookEndpoint;
  /** Data routes, available under both base paths. */
  readonly data: readonly Api[];
  readonly accounts: readonly Api[];
  readonly messages?: Api;
  readonly authenticator: Authenticator;
  readonly origins: OriginPolicy;
  /** The rate limit of all data, account and message routes; `undefined` for none. */
  readonly rateLimitOptions?: RateLimitOptions | undefined;
  /** The URL of this server behind a proxy. */
  readonly publicUrl?: string | undefined;
  readonly version: string;
  readonly clock: Clock;
}

/** Builds the app with all routes. */
export function router(options: RouterOptions): Hono<RequestEnvironment> {
  const { webSockets, eventStreams, health, metrics, webhookEndpoint, publicUrl, version, clock } =
    options;
  const api = newApi();
  api.use(requestId());
  if (options.tracing) api.use(traceRequests(options.tracing));
  api.use(recordRequests(options.requestMetrics));
  api.use(secureHeaders(publicUrl));
  api.use((context, next) => {
    context.set("publicUrl", publicUrl);
    return next();
  });
  let policies: ReadonlyMap<string, AccessPolicy> = new Map();
  const streams = streamRoutes({ webSockets, eventStreams });
  for (const { path } of streams.routes) api.use(path, originGuard(options.origins));
  useMiddleware(
    api,
    { ...options, cookies: toCookieNames(publicUrl), policies: () => policies },
    options,
  );
  api.route("/", streams);
  api.route("/", healthRoutes({ health }));
  if (metrics) api.route("/", metricsRoutes({ metrics }));
  if (webhookEndpoint) api.route("/", deliveryRoutes({ webhookEndpoint }));
  for (const { base, mountedApi } of mountedApis(options)) {
    // Not an OpenAPIHono under the second base: the OpenAPI document lists each route once, with both servers.
    api.route(
      base,
      base === "/" ? mountedApi : new Hono<RequestEnvironment>().route("/", mountedApi),
    );
  }
  api.route("/", docsRoutes());
  let document = "";
  api.route("/", openApiRoutes({ document: () => document }));
  document = buildDocument(api, version);
  policies = toPolicies(api);
  rejectOtherMethods(api);
  api.notFound((context) =>
    problemResponse(context, "not_found", {
      detail: `No route ${context.req.path}; see /docs`,
    })
  );
  api.onError(createErrorHandler(clock));
  return api;
}

interface MountedApi {
  readonly base: string;
  readonly mountedApi: Api;
}

/** The APIs with the same middleware, and their base paths. */
function mountedApis({ data, accounts, messages }: RouterOptions): readonly MountedApi[] {
  const rootApis = messages ? [...accounts, messages] : accounts;
  return [
    ...DATA_BASE_PATHS.flatMap((base) => data.map((mountedApi) => ({ base, mountedApi }))),
    ...rootApis.map((mountedApi) => ({ base: "/", mountedApi })),
  ];
}

/** Adds the middleware before the routes, so that no route can omit it. */
function useMiddleware(api: Api, authOptions: AuthOptions, options: RouterOptions): void {
  const { origins, rateLimitOptions, clock } = options;
  const mounts = mountedApis(options);
  const paths = new Set(
    mounts.flatMap(({ base, mountedApi }) =>
      mountedApi.routes.map(({ path }) => joinPath(base, path))
    ),
  );
  for (const path of paths) api.use(path, originGuard(origins));
  api.use(authenticate(authOptions));
  if (rateLimitOptions) paths.forEach((path) => api.use(path, rateLimit(rateLimitOptions)));
  api.use(authorize(authOptions));
  const staleCache = new StaleCache(clock);
  for (const path of paths) api.use(path, etag(staleCache));
  const bodies = readJsonBody(clock);
  for (const { method, path } of mounts.flatMap(jsonBodyRoutes)) api.on(method, path, bodies);
}

/** The routes that accept a JSON body. */
function jsonBodyRoutes(
  { base, mountedApi }: MountedApi,
): readonly { method: string; path: string }[] {
  return mountedApi.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== "route" || !definition.route.request?.body) return [];
    const { method, path } = definition.route;
    return [{ method: method.toUpperCase(), path: joinPath(base, toRouterPath(path)) }];
  });
}

function joinPath(base: string, path: string): string {
  return base === "/" ? path : base + path;
}

/** Responds with 405 and the allowed methods. */
function rejectOtherMethods(app: Hono<RequestEnvironment>): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, onPath] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = [...new Set(onPath.map(({ method }) => method))];
    const allowed = methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
    app.all(path, (context) =>
      problemResponse(context, "method_not_allowed", {
        detail: `Method ${context.req.method} is not allowed on ${context.req.path}: expected ${
          anyOf(methods)
        }`,
        headers: { Allow: allowed.join(", ") },
      }));
  }
}
