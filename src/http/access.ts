import type { MiddlewareHandler } from "hono";
import type { RequestEnvironment } from "./api.ts";
import {
  corsHeaders,
  isConnectAllowed,
  isReadAllowed,
  isReadMethod,
  type OriginPolicy,
  originProblem,
} from "./origin.ts";

/** What a page of another origin may read of an answer beside its body. */
const EXPOSED_HEADERS = "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";

/** Keeps out web pages that may not connect, from reading and from writing. */
export function cors(policy: OriginPolicy): MiddlewareHandler<RequestEnvironment> {
  return async (context, next) => {
    const { method, headers } = context.req.raw;
    const isAllowed = isReadMethod(method)
      ? isReadAllowed(headers, policy)
      : isConnectAllowed(headers, policy);
    if (!isAllowed) throw originProblem();
    await next();
    context.header("Vary", "Origin", { append: true });
    for (const [name, value] of Object.entries(corsHeaders(headers))) context.header(name, value);
    if (headers.has("origin")) context.header("Access-Control-Expose-Headers", EXPOSED_HEADERS);
  };
}
