import type { MiddlewareHandler } from "hono";
import type { Allowance, Buckets, Grant } from "../account/throttle.ts";
import { callerAddress } from "./address.ts";
import type { RequestEnvironment } from "./api.ts";
import { ProblemError } from "./problem.ts";

export interface Throttle {
  readonly allowance: Allowance;
  readonly buckets: Buckets;
}

/**
 * Answers 429 to callers that ask for more than their share, so that the others do not wait for them; tells everybody where he
 * stands, as https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ has it.
 */
export function throttled(
  { allowance, buckets }: Throttle,
): MiddlewareHandler<RequestEnvironment> {
  const { burst, perSecond } = allowance;
  const policy = `"default";q=${burst};w=${Math.ceil(burst / perSecond)}`;
  return async (context, next) => {
    const { remoteAddr } = context.env;
    const caller = callerAddress(context.req.raw.headers, {
      remote: "hostname" in remoteAddr ? remoteAddr.hostname : "",
      isProxied: context.get("publicUrl") !== undefined,
    });
    const grant = await buckets.take(caller);
    const headers = { "RateLimit-Policy": policy, RateLimit: limitOf(grant) };
    if (!grant.isGranted) {
      throw new ProblemError(
        "throttled",
        `Cannot answer so many requests: ${perSecond} a second are allowed, and ${burst} at once`,
        { ...headers, "Retry-After": String(secondsOf(grant.retryAfter)) },
      );
    }
    await next();
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  };
}

function limitOf({ remaining, reset }: Grant): string {
  return `"default";r=${remaining};t=${secondsOf(reset)}`;
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1_000);
}
