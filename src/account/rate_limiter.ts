import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** What each caller may ask for: `burst` requests at once, and then as many a second as are given back. */
export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** What a caller is told of its bucket. Times in ms. */
export interface RateLimitDecision {
  readonly isAllowed: boolean;
  /** Whole requests that are left. */
  readonly remaining: number;
  /** When the next request will be granted; 0 while some are left. */
  readonly retryAfterMs: number;
  /** When the bucket will be full. */
  readonly resetMs: number;
}

/** A bucket of tokens for each caller: an API key, a user, or an address. */
export interface RateLimiter {
  /** Takes a token from the caller's bucket, if there is one. Never throws: where it cannot tell, it grants. */
  consume(client: string): Promise<RateLimitDecision>;
}

/** Callers that are remembered; whoever is forgotten has a full bucket again. */
const MAX_CLIENTS = 50_000;

/** One bucket of tokens, full at first. Times in ms since the epoch. */
export class TokenBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #updatedAt: number;

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#updatedAt = now;
  }

  /** Takes a token, if there is one. */
  consume(now: number): RateLimitDecision {
    const { perSecond, burst } = this.#limit;
    // A clock that was set back gives nothing, and takes nothing.
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

/** Buckets of this process alone. */
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

  /** How many callers are remembered. */
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

/** What a caller is told whose bucket now has `left` tokens, which may be a part of one. */
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
