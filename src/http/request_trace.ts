import type { MiddlewareHandler } from "hono";
import type { RequestEnvironment } from "./api.ts";
import { matchedRoute } from "./security.ts";

/** The span that the runtime makes of each request. */
export interface RequestSpan {
  renameActiveSpan(name: string, attributes: Readonly<Record<string, string>>): void;
}

/**
 * Names the span of a request by its route, as the log and the figures do.
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
