import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import type { RateLimit, RateLimitDecision, RateLimiter } from "../account/rate_limiter.ts";
import { clientAddress } from "./address.ts";
import type { RequestEnvironment } from "./api.ts";
import { ProblemError } from "./problem.ts";

export interface RateLimitOptions {
  readonly limit: RateLimit;
  readonly limiter: RateLimiter;
}

/**
 * Answers 429 to callers that ask for more than their share, so that the others do not wait for them; tells everybody where he
 * stands. A share is that of a user or key, where it is known who asks, and otherwise of an address; for each `kind` of request
 * there is one of its own.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function rateLimit(
  { limit, limiter }: RateLimitOptions,
  { kind }: { readonly kind?: string } = {},
): MiddlewareHandler<RequestEnvironment> {
  const { burst, perSecond } = limit;
  const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return async (context, next) => {
    const principal: Principal | undefined = context.get("principal");
    const name = principal?.id ?? requestAddress(context);
    const decision = await limiter.consume(kind === undefined ? name : `${kind} ${name}`);
    const headers = { "RateLimit-Policy": policy, RateLimit: rateLimitHeader(decision) };
    if (!decision.isAllowed) {
      throw new ProblemError(
        "rate_limited",
        `Cannot answer so many requests: ${
          formatRate(perSecond)
        } are allowed, and ${burst} at once`,
        { ...headers, "Retry-After": String(toSeconds(decision.retryAfterMs)) },
      );
    }
    await next();
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  };
}

function requestAddress(context: Context<RequestEnvironment>): string {
  const { remoteAddr } = context.env;
  return clientAddress(context.req.raw.headers, {
    remote: "hostname" in remoteAddr ? remoteAddr.hostname : "",
    isProxied: context.get("publicUrl") !== undefined,
  });
}

function formatRate(perSecond: number): string {
  return perSecond < 1 ? `${Math.round(perSecond * 60)} a minute` : `${perSecond} a second`;
}

function rateLimitHeader({ remaining, resetMs: reset }: RateLimitDecision): string {
  return `"default";r=${remaining};t=${toSeconds(reset)}`;
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1_000);
}
