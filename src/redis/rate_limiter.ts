import {
  type RateLimit,
  type RateLimitDecision,
  type RateLimiter,
  toDecision,
} from "../account/rate_limiter.ts";
import { type Clock, withTimeout } from "../clock.ts";
import type { Redis } from "./connection.ts";

/** A caller does not wait for longer to be told that it may ask. */
const TIMEOUT_MS = 200;

/** By the clock of Redis, so that instances need not agree on the time. A bucket that is full again is forgotten. */
const CONSUME_SCRIPT = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local burst, per_ms = tonumber(ARGV[1]), tonumber(ARGV[2]) / 1000
local bucket = redis.call("HMGET", KEYS[1], "tokens", "at")
local tokens, at = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * per_ms)
local granted = tokens >= 1 and 1 or 0
tokens = tokens - granted
redis.call("HSET", KEYS[1], "tokens", tostring(tokens), "at", now)
redis.call("PEXPIRE", KEYS[1], math.ceil((burst - tokens) / per_ms) + 1000)
return { granted, tostring(tokens) }
`;

export interface RedisRateLimiterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Of all keys of ours in this Redis. */
  readonly prefix: string;
  /** Used while Redis does not answer: then each instance counts for itself. */
  readonly fallback: RateLimiter;
}

/** Buckets that all instances share. */
export class RedisRateLimiter implements RateLimiter {
  readonly #limit: RateLimit;
  readonly #options: RedisRateLimiterOptions;

  constructor(limit: RateLimit, options: RedisRateLimiterOptions) {
    this.#limit = limit;
    this.#options = options;
  }

  async consume(caller: string): Promise<RateLimitDecision> {
    const { redis, fallback } = this.#options;
    const decision = redis.isReady ? await this.#tryConsume(caller) : undefined;
    return decision ?? await fallback.consume(caller);
  }

  /** `undefined` when there is no answer in time. */
  async #tryConsume(client: string): Promise<RateLimitDecision | undefined> {
    const { redis, prefix, clock } = this.#options;
    const { perSecond, burst } = this.#limit;
    const reply = redis.latency.time(() =>
      redis.client.eval(CONSUME_SCRIPT, {
        keys: [`${prefix}throttle:${client}`],
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
    const [granted, left] = Array.isArray(reply) ? reply : [];
    if (!Number.isFinite(Number(left))) return undefined;
    return toDecision({ isAllowed: granted === 1, remainingTokens: Number(left) }, this.#limit);
  }
}
