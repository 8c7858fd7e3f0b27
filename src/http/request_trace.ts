import type { MiddlewareHandler } from "hono";
import type { RequestEnvironment } from "./api.ts";
import { routeOf } from "./route.ts";

/** The span that the runtime makes of each request. */
export interface RequestTrace {
  rename(name: string, attributes: Readonly<Record<string, string>>): void;
}

/**
 * Names the span of a request by its route, as the log and the figures do.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function traced(trace: RequestTrace): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const { method } = context.req;
    trace.rename(method, { "runwire.request_id": context.get("requestId") });
    await next();
    const route = routeOf(context);
    if (route !== undefined) trace.rename(`${method} ${route}`, { "http.route": route });
  };
}
