import type { Context, MiddlewareHandler } from "hono";
import type { Principal } from "../account/principal.ts";
import type { RateLimit, RateLimiter, RateLimitDecision } from "../account/rate_limiter.ts";
import { callerAddress } from "./address.ts";
import type { RequestEnvironment } from "./api.ts";
import { ProblemError } from "./problem.ts";

export interface Throttle {
  readonly allowance: RateLimit;
  readonly buckets: RateLimiter;
}

/**
 * Answers 429 to callers that ask for more than their share, so that the others do not wait for them; tells everybody where he
 * stands. A share is that of a user or key, where it is known who asks, and otherwise of an address; for each `kind` of request
 * there is one of its own.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 */
export function throttled(
  { allowance, buckets }: Throttle,
  { kind }: { readonly kind?: string } = {},
): MiddlewareHandler<RequestEnvironment> {
  const { burst, perSecond } = allowance;
  const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return async (context, next) => {
    const caller: Principal | undefined = context.get("caller");
    const name = caller?.id ?? addressOf(context);
    const grant = await buckets.consume(kind === undefined ? name : `${kind} ${name}`);
    const headers = { "RateLimit-Policy": policy, RateLimit: limitOf(grant) };
    if (!grant.isAllowed) {
      throw new ProblemError(
        "throttled",
        `Cannot answer so many requests: ${rateOf(perSecond)} are allowed, and ${burst} at once`,
        { ...headers, "Retry-After": String(secondsOf(grant.retryAfterMs)) },
      );
    }
    await next();
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  };
}

function addressOf(context: Context<RequestEnvironment>): string {
  const { remoteAddr } = context.env;
  return callerAddress(context.req.raw.headers, {
    remote: "hostname" in remoteAddr ? remoteAddr.hostname : "",
    isProxied: context.get("publicUrl") !== undefined,
  });
}

function rateOf(perSecond: number): string {
  return perSecond < 1 ? `${Math.round(perSecond * 60)} a minute` : `${perSecond} a second`;
}

function limitOf({ remaining, resetMs: reset }: RateLimitDecision): string {
  return `"default";r=${remaining};t=${secondsOf(reset)}`;
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1_000);
}
