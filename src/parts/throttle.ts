import { type RateLimit, MemoryRateLimiter } from "../account/rate_limiter.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { Redis } from "../redis/connection.ts";
import { RedisRateLimiter } from "../redis/rate_limiter.ts";
import type { Random } from "../run/github_rate_limit.ts";

/** Of all keys of ours, in a Redis that others use too. */
const REDIS_PREFIX = "runwire:";

/** What an address may begin of logins. */
const LOGINS: RateLimit = { perSecond: 10 / 60, burst: 10 };

export interface ThrottleParts {
  /** `undefined` where callers may ask for as much as they like. */
  readonly throttle: RateLimitOptions | undefined;
  readonly logins: RateLimitOptions;
  /** The connection that the buckets are shared by, to be run; `undefined` where there is none. */
  readonly redis: Redis | undefined;
}

/** The part of App that keeps callers to their share. */
export function throttleParts(
  { throttle: allowance, redisUrl }: Config,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): ThrottleParts {
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl, { clock, random });
  const shared = (allowance: RateLimit, prefix: string): RateLimitOptions => {
    const fallback = new MemoryRateLimiter(allowance, { clock });
    const buckets = redis
      ? new RedisRateLimiter(allowance, { redis, clock, prefix, fallback })
      : fallback;
    return { limit: allowance, limiter: buckets };
  };
  return {
    throttle: allowance && shared(allowance, REDIS_PREFIX),
    logins: shared(LOGINS, `${REDIS_PREFIX}login:`),
    redis,
  };
}
