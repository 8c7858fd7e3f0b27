import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** The limit of each client: up to `burst` requests at once, refilled at `perSecond`. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** The state of a client's bucket after a request. Durations are in ms. */
export interface RateLimitDecision {
  readonly isAllowed: boolean;
  /** Remaining requests, rounded down. */
  readonly remaining: number;
  /** Time until the next request is allowed; 0 if some remain. */
  readonly retryAfterMs: number;
  /** Time until the bucket is full. */
  readonly resetMs: number;
}

/** Holds one token bucket per client: an API key, a user, or an address. */
export interface RateLimiter {
  /** Takes a token from the client's bucket, if there is one. Never throws. */
  consume(client: string): Promise<RateLimitDecision>;
}

/** Buckets held in memory; a client evicted from it starts with a full bucket. */
const MAX_CLIENTS = 50_000;

/** Starts full and refills continuously. Times are in ms since the epoch. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #updatedAt: number;

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#updatedAt = now;
  }

  consume(now: number): RateLimitDecision {
    const { perSecond, burst } = this.#limit;
    // A clock that is set back neither adds nor removes tokens.
    const available = Math.min(
      burst,
      this.#tokens + Math.max(0, now - this.#updatedAt) / 1_000 * perSecond,
    );
    const isAllowed = available >= 1;
    this.#tokens = isAllowed ? available - 1 : available;
    this.#updatedAt = now;
    return toDecision({ isAllowed, remainingTokens: this.#tokens }, this.#limit);
  }
}

/** Holds the buckets of this process. */
export class MemoryRateLimiter implements RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  readonly #buckets: LRUCache<string, TokenBucket>;

  constructor(
    limit: RateLimit,
    { clock, maxClients = MAX_CLIENTS }: { readonly clock: Clock; readonly maxClients?: number },
  ) {
    this.#limit = limit;
    this.#clock = clock;
    this.#buckets = new LRUCache({ max: maxClients });
  }

  /** The number of buckets held. */
  get size(): number {
    return this.#buckets.size;
  }

  consume(client: string): Promise<RateLimitDecision> {
    const now = this.#clock.now();
    let bucket = this.#buckets.get(client);
    if (!bucket) this.#buckets.set(client, bucket = new TokenBucket(this.#limit, now));
    return Promise.resolve(bucket.consume(now));
  }
}

/** `remainingTokens` may be fractional. */
export function toDecision(
  { isAllowed, remainingTokens }: { readonly isAllowed: boolean; readonly remainingTokens: number },
  { perSecond, burst }: RateLimit,
): RateLimitDecision {
  const msUntil = (tokens: number) =>
    Math.max(0, Math.ceil((tokens - remainingTokens) / perSecond * 1_000));
  return {
    isAllowed,
    remaining: Math.floor(remainingTokens),
    retryAfterMs: msUntil(1),
    resetMs: msUntil(burst),
  };
}
