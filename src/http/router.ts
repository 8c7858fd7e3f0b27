import { Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Authenticator } from "../account/principal.ts";
import type { Clock } from "../clock.ts";
import { access } from "./access.ts";
import { type Api, newApi, type RequestEnvironment } from "./api.ts";
import { conditional } from "./conditional.ts";
import { cookieNames } from "./cookie.ts";
import type { Deliveries } from "./delivery.ts";
import { deliveryRoutes } from "./delivery_route.ts";
import { type Demand, demandsOf, routingPath } from "./demand.ts";
import { docsRoutes } from "./docs.ts";
import { answerFailure } from "./failure.ts";
import { type GuardOptions, identified, permitted } from "./guard.ts";
import type { Health } from "./health.ts";
import { healthRoutes } from "./health_route.ts";
import { jsonBodies } from "./json_body.ts";
import { LastAnswers } from "./last_answers.ts";
import { liveRoutes } from "./live.ts";
import { type Metrics, metricsRoutes } from "./metrics_route.ts";
import { describe, openApiRoutes } from "./openapi.ts";
import type { OriginRule } from "./origin.ts";
import { problem } from "./problem.ts";
import { type RequestTrace, traced } from "./request_trace.ts";
import { observed, type Requests } from "./requests.ts";
import { secureHeaders } from "./secure_headers.ts";
import type { EventStreams } from "./sse.ts";
import { type Throttle, throttled } from "./throttle.ts";
import type { Connections } from "./ws.ts";

/** Where the routes of data are: api.ts says so in the document. */
const DATA_BASES = ["/", "/api/v1"];

export interface RouterOptions {
  readonly connections: Connections;
  readonly events: EventStreams;
  readonly health: () => Promise<Health>;
  readonly metrics?: Metrics;
  /** Counts what is asked. */
  readonly requests: Requests;
  /** `undefined` where nobody traces. */
  readonly trace?: RequestTrace | undefined;
  readonly deliveries?: Deliveries;
  /** The routes of data, one API for each noun. */
  readonly data: readonly Api[];
  /** The routes of accounts, likewise; they have one place. */
  readonly accounts: readonly Api[];
  /** The routes of messages, likewise. */
  readonly messages?: Api;
  readonly callers: Authenticator;
  readonly origins: OriginRule;
  /** What each caller may ask of the routes of data; `undefined` for as much as it likes. */
  readonly throttle?: Throttle | undefined;
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
  if (options.trace) api.use(traced(options.trace));
  api.use(observed(options.requests));
  api.use(secureHeaders(publicUrl));
  api.use((context, next) => {
    context.set("publicUrl", publicUrl);
    return next();
  });
  let demands: ReadonlyMap<string, Demand> = new Map();
  guard(api, { ...options, cookies: cookieNames(publicUrl), demands: () => demands }, options);
  api.route("/", liveRoutes({ connections, events }));
  api.route("/", healthRoutes({ health }));
  if (metrics) api.route("/", metricsRoutes({ metrics }));
  if (deliveries) api.route("/", deliveryRoutes({ deliveries }));
  for (const { base, part } of partsOf(options)) {
    // Under a second base not as an OpenAPIHono: the document has it once, with both servers.
    api.route(base, base === "/" ? part : new Hono<RequestEnvironment>().route("/", part));
  }
  api.route("/", docsRoutes());
  let document = "";
  api.route("/", openApiRoutes({ document: () => document }));
  document = describe(api, version);
  demands = demandsOf(api);
  refuseOtherMethods(api);
  api.notFound((context) =>
    problem(context, "not_found", {
      detail: `Cannot find ${context.req.path}: /docs shows what there is`,
    })
  );
  api.onError(answerFailure(clock));
  return api;
}

interface Part {
  readonly base: string;
  readonly part: Api;
}

/** What is guarded alike, and where. */
function partsOf({ data, accounts, messages }: RouterOptions): readonly Part[] {
  const onePlace = messages ? [...accounts, messages] : accounts;
  return [
    ...DATA_BASES.flatMap((base) => data.map((part) => ({ base, part }))),
    ...onePlace.map((part) => ({ base: "/", part })),
  ];
}

/** Stands before every route, also before one that does not know of it. */
function guard(api: Api, guards: GuardOptions, options: RouterOptions): void {
  const { origins, throttle, clock } = options;
  const parts = partsOf(options);
  const paths = new Set(
    parts.flatMap(({ base, part }) => part.routes.map(({ path }) => placed(base, path))),
  );
  for (const path of paths) api.use(path, access(origins));
  api.use(identified(guards));
  if (throttle) paths.forEach((path) => api.use(path, throttled(throttle)));
  api.use(permitted(guards));
  const last = new LastAnswers(clock);
  for (const path of paths) api.use(path, conditional(last));
  const bodies = jsonBodies(clock);
  for (const { method, path } of parts.flatMap(takingBodies)) api.on(method, path, bodies);
}

/** Where a route of a part takes a JSON body. */
function takingBodies({ base, part }: Part): readonly { method: string; path: string }[] {
  return part.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== "route" || !definition.route.request?.body) return [];
    const { method, path } = definition.route;
    return [{ method: method.toUpperCase(), path: placed(base, routingPath(path)) }];
  });
}

function placed(base: string, path: string): string {
  return base === "/" ? path : base + path;
}

/** Says which methods are allowed where another one is used. */
function refuseOtherMethods(app: Hono<RequestEnvironment>): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, onPath] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = [...new Set(onPath.map(({ method }) => method))];
    const allowed = methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]);
    app.all(path, (context) =>
      problem(context, "method_not_allowed", {
        detail: `Cannot ${context.req.method} ${context.req.path}: allowed is ${
          methods.join(", ")
        }`,
        headers: { Allow: allowed.join(", ") },
      }));
  }
}
