import { Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Authenticator } from "../account/principal.ts";
import type { Clock } from "../clock.ts";
import { cors } from "./access.ts";
import { type Api, newApi, type RequestEnvironment } from "./api.ts";
import { etag } from "./etag.ts";
import { toCookieNames } from "./cookie.ts";
import { deliveryRoutes, type WebhookEndpoint } from "./routes/delivery.ts";
import { type AccessPolicy, toPolicies, toRouterPath } from "./security.ts";
import { docsRoutes } from "./routes/docs.ts";
import { createErrorHandler } from "./error_handler.ts";
import { authenticate, type AuthOptions, authorize } from "./auth.ts";
import { type Health, healthRoutes } from "./routes/health.ts";
import { readJsonBody } from "./json_body.ts";
import { StaleCache } from "./stale_cache.ts";
import { streamRoutes } from "./streams/stream_routes.ts";
import { type Metrics, metricsRoutes } from "./routes/metrics.ts";
import { buildDocument, openApiRoutes } from "./routes/openapi.ts";
import type { OriginPolicy } from "./origin.ts";
import { problemResponse } from "./problem.ts";
import { type RequestSpan, traceRequests } from "./request_trace.ts";
import { recordRequests, type RequestMetrics } from "./request_metrics.ts";
import { secureHeaders } from "./secure_headers.ts";
import type { EventStreams } from "./streams/sse.ts";
import { rateLimit, type RateLimitOptions } from "./rate_limit.ts";
import type { WebSocketServer } from "./streams/websocket.ts";

/** Where the routes of data are: api.ts says so in the document. */
const DATA_BASE_PATHS = ["/", "/api/v1"];

export interface RouterOptions {
  readonly connections: WebSocketServer;
  readonly events: EventStreams;
  readonly health: () => Promise<Health>;
  readonly metrics?: Metrics;
  /** Counts what is asked. */
  readonly requests: RequestMetrics;
  /** `undefined` where nobody traces. */
  readonly trace?: RequestSpan | undefined;
  readonly deliveries?: WebhookEndpoint;
  /** The routes of data, one API for each noun. */
  readonly data: readonly Api[];
  /** The routes of accounts, likewise; they have one place. */
  readonly accounts: readonly Api[];
  /** The routes of messages, likewise. */
  readonly messages?: Api;
  readonly authenticator: Authenticator;
  readonly origins: OriginPolicy;
  /** What each caller may ask of the routes of data; `undefined` for as much as it likes. */
  readonly rateLimitOptions?: RateLimitOptions | undefined;
  /** How others reach us, behind a proxy. */
  readonly publicUrl?: string | undefined;
  /** Ours. */
  readonly version: string;
  readonly clock: Clock;
}

/** Every route. */
export function router(options: RouterOptions): Hono<RequestEnvironment> {
  const { connections, events, health, metrics, deliveries, publicUrl, version, clock } = options;
  const api = newApi();
  api.use(requestId());
  if (options.trace) api.use(traceRequests(options.trace));
  api.use(recordRequests(options.requests));
  api.use(secureHeaders(publicUrl));
  api.use((context, next) => {
    context.set("publicUrl", publicUrl);
    return next();
  });
  let policies: ReadonlyMap<string, AccessPolicy> = new Map();
  useMiddleware(
    api,
    { ...options, cookies: toCookieNames(publicUrl), policies: () => policies },
    options,
  );
  api.route("/", streamRoutes({ connections, events }));
  api.route("/", healthRoutes({ health }));
  if (metrics) api.route("/", metricsRoutes({ metrics }));
  if (deliveries) api.route("/", deliveryRoutes({ endpoint: deliveries }));
  for (const { base, mountedApi } of mountedApis(options)) {
    // Under a second base not as an OpenAPIHono: the document has it once, with both servers.
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
      detail: `Cannot find ${context.req.path}: /docs shows what there is`,
    })
  );
  api.onError(createErrorHandler(clock));
  return api;
}

interface MountedApi {
  readonly base: string;
  readonly mountedApi: Api;
}

/** What is guarded alike, and where. */
function mountedApis({ data, accounts, messages }: RouterOptions): readonly MountedApi[] {
  const rootApis = messages ? [...accounts, messages] : accounts;
  return [
    ...DATA_BASE_PATHS.flatMap((base) => data.map((mountedApi) => ({ base, mountedApi }))),
    ...rootApis.map((mountedApi) => ({ base: "/", mountedApi })),
  ];
}

/** Stands before every route, also before one that does not know of it. */
function useMiddleware(api: Api, authOptions: AuthOptions, options: RouterOptions): void {
  const { origins, rateLimitOptions, clock } = options;
  const mounts = mountedApis(options);
  const paths = new Set(
    mounts.flatMap(({ base, mountedApi }) =>
      mountedApi.routes.map(({ path }) => joinPath(base, path))
    ),
  );
  for (const path of paths) api.use(path, cors(origins));
  api.use(authenticate(authOptions));
  if (rateLimitOptions) paths.forEach((path) => api.use(path, rateLimit(rateLimitOptions)));
  api.use(authorize(authOptions));
  const staleCache = new StaleCache(clock);
  for (const path of paths) api.use(path, etag(staleCache));
  const bodies = readJsonBody(clock);
  for (const { method, path } of mounts.flatMap(jsonBodyRoutes)) api.on(method, path, bodies);
}

/** Where a route of a part takes a JSON body. */
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

/** Says which methods are allowed where another one is used. */
function rejectOtherMethods(app: Hono<RequestEnvironment>): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, onPath] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = [...new Set(onPath.map(({ method }) => method))];
    const allowed = methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
    app.all(path, (context) =>
      problemResponse(context, "method_not_allowed", {
        detail: `Cannot ${context.req.method} ${context.req.path}: allowed is ${
          methods.join(", ")
        }`,
        headers: { Allow: allowed.join(", ") },
      }));
  }
}
