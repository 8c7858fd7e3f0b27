import type { MiddlewareHandler } from "hono";
import type { RequestEnvironment } from "./api.ts";
import {
  crossOrigin,
  isRead,
  mayConnect,
  mayRead,
  originProblem,
  type OriginRule,
} from "./origin.ts";

/** What a page of another origin may read of an answer beside its body. */
const EXPOSED_HEADERS = "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";

/** Keeps out web pages that may not connect, from reading and from writing. */
export function access(origins: OriginRule): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const { method, headers } = context.req.raw;
    const mayPass = isRead(method) ? mayRead(headers, origins) : mayConnect(headers, origins);
    if (!mayPass) throw originProblem();
    await next();
    context.header("Vary", "Origin", { append: true });
    for (const [name, value] of Object.entries(crossOrigin(headers))) context.header(name, value);
    if (headers.has("origin")) context.header("Access-Control-Expose-Headers", EXPOSED_HEADERS);
  };
}
