import {
  type RateLimit,
  type RateLimitDecision,
  type RateLimiter,
  toDecision,
} from "../account/rate_limiter.ts";
import { type Clock, withTimeout } from "../clock.ts";
import type { Redis } from "./connection.ts";

/** A request waits no longer than this for the decision. */
const TIMEOUT_MS = 200;

/** Uses the clock of Redis, so that instances need no common time. A full bucket expires. */
const CONSUME_SCRIPT = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local burst, per_ms = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000
local bucket = redis.call("HMGET", KEYS[1], "tokens", "updated_at")
local tokens, updated_at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - updated_at) * per_ms)
local allowed = tokens >= 1 and 1 or 0
tokens = tokens - allowed
redis.call("HSET", KEYS[1], "tokens", tostring(tokens), "updated_at", now)
redis.call("PEXPIRE", KEYS[1], math.ceil((burst - tokens) / per_ms) + 1000)
return { allowed, tostring(tokens) }
`;

export interface RedisRateLimiterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** The prefix of all keys, because Redis may be shared. */
  readonly prefix: string;
  /** Used while Redis is unavailable; each instance then limits on its own. */
  readonly fallback: RateLimiter;
}

/** Holds the buckets in Redis, shared by all instances. */
export class RedisRateLimiter implements RateLimiter {
  readonly #limit: RateLimit;
  readonly #options: RedisRateLimiterOptions;

  constructor(limit: RateLimit, options: RedisRateLimiterOptions) {
    this.#limit = limit;
    this.#options = options;
  }

  async consume(client: string): Promise<RateLimitDecision> {
    const { redis, fallback } = this.#options;
    const decision = redis.isReady ? await this.#tryConsume(client) : undefined;
    return decision ?? await fallback.consume(client);
  }

  /** Returns `undefined` after an error or a timeout. */
  async #tryConsume(client: string): Promise<RateLimitDecision | undefined> {
    const { redis, prefix, clock } = this.#options;
    const { perSecond, burst } = this.#limit;
    const reply = redis.latency.time(() =>
      redis.client.eval(CONSUME_SCRIPT, {
        keys: [`${prefix}rate_limit:${client}`],
        arguments: [String(burst), String(perSecond)],
      })
    );
    try {
      return this.#parseReply(await withTimeout(clock, TIMEOUT_MS, reply));
    } catch {
      return undefined;
    }
  }

  #parseReply(reply: unknown): RateLimitDecision | undefined {
    const [allowed, remaining] = Array.isArray(reply) ? reply : [];
    if (!Number.isFinite(Number(remaining))) return undefined;
    return toDecision(
      { isAllowed: allowed === 1, remainingTokens: Number(remaining) },
      this.#limit,
    );
  }
}
