import { Hono } from "hono";
import { requestId } from "hono/request-id";
import type { Clock } from "../clock.ts";
import { access } from "./access.ts";
import { type Api, newApi, type RequestEnvironment } from "./api.ts";
import { conditional } from "./conditional.ts";
import type { Deliveries } from "./delivery.ts";
import { deliveryRoutes } from "./delivery_route.ts";
import { docsRoutes } from "./docs.ts";
import { answerFailure } from "./failure.ts";
import type { Health } from "./health.ts";
import { healthRoutes } from "./health_route.ts";
import { jsonBodies } from "./json_body.ts";
import { liveRoutes } from "./live.ts";
import { describe, openApiRoutes } from "./openapi.ts";
import type { OriginRule } from "./origin.ts";
import { problem } from "./problem.ts";
import type { EventStreams } from "./sse.ts";
import { type Throttle, throttled } from "./throttle.ts";
import type { Connections } from "./ws.ts";

/** Where the routes of data are: api.ts says so in the document. */
const DATA_BASES = ["/", "/api/v1"];

export interface RouterOptions {
  readonly connections: Connections;
  readonly events: EventStreams;
  readonly health: () => Promise<Health>;
  readonly deliveries?: Deliveries;
  /** The routes of data, one API for each noun. */
  readonly data: readonly Api[];
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
  const { connections, events, health, deliveries, data, publicUrl, version } = options;
  const api = newApi();
  api.use(requestId());
  api.use((context, next) => {
    context.set("publicUrl", publicUrl);
    return next();
  });
  api.route("/", liveRoutes({ connections, events }));
  api.route("/", healthRoutes({ health }));
  if (deliveries) api.route("/", deliveryRoutes({ deliveries }));
  for (const each of data) mountData(api, each, options);
  api.route("/", docsRoutes());
  let document = "";
  api.route("/", openApiRoutes({ document: () => document }));
  document = describe(api, version);
  refuseOtherMethods(api);
  api.notFound((context) =>
    problem(context, "not_found", {
      detail: `Cannot find ${context.req.path}: /docs shows what there is`,
    })
  );
  api.onError(answerFailure());
  return api;
}

function mountData(api: Api, data: Api, { origins, throttle, clock }: RouterOptions): void {
  const bodies = jsonBodies(clock);
  const paths = new Set(data.routes.map(({ path }) => path));
  const posts = new Set(
    data.routes.filter(({ method }) => method === "POST").map(({ path }) => path),
  );
  for (const base of DATA_BASES) {
    const prefix = base === "/" ? "" : base;
    for (const path of paths) {
      api.use(`${prefix}${path}`, access(origins));
      if (throttle) api.use(`${prefix}${path}`, throttled(throttle));
      api.use(`${prefix}${path}`, conditional());
    }
    for (const path of posts) api.post(`${prefix}${path}`, bodies);
    // Under a second base not as an OpenAPIHono: the document has it once, with both servers.
    api.route(base, base === "/" ? data : new Hono<RequestEnvironment>().route("/", data));
  }
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
