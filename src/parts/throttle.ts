import { MemoryRateLimiter, type RateLimit } from "../account/rate_limiter.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { RateLimitOptions } from "../http/rate_limit.ts";
import { Redis } from "../redis/connection.ts";
import { RedisRateLimiter } from "../redis/rate_limiter.ts";
import type { Random } from "../random.ts";

/** Of all keys of ours, in a Redis that others use too. */
const REDIS_PREFIX = "runwire:";

/** What an address may begin of logins. */
const LOGIN_RATE_LIMIT: RateLimit = { perSecond: 10 / 60, burst: 10 };

export interface RateLimiters {
  /** `undefined` where callers may ask for as much as they like. */
  readonly rateLimit: RateLimitOptions | undefined;
  readonly loginRateLimit: RateLimitOptions;
  /** The connection that the buckets are shared by, to be run; `undefined` where there is none. */
  readonly redis: Redis | undefined;
}

/** The part of App that keeps callers to their share. */
export function createRateLimiters(
  { rateLimit: limit, redisUrl }: Config,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): RateLimiters {
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl, { clock, random });
  const createRateLimit = (limit: RateLimit, prefix: string): RateLimitOptions => {
    const fallback = new MemoryRateLimiter(limit, { clock });
    const rateLimiter = redis
      ? new RedisRateLimiter(limit, { redis, clock, prefix, fallback })
      : fallback;
    return { limit, limiter: rateLimiter };
  };
  return {
    rateLimit: limit && createRateLimit(limit, REDIS_PREFIX),
    loginRateLimit: createRateLimit(LOGIN_RATE_LIMIT, `${REDIS_PREFIX}login:`),
    redis,
  };
}
