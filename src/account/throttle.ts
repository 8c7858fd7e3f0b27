import type { Clock } from "../clock.ts";
import { LatelyUsed } from "./lately_used.ts";

/** What each caller may ask for: `burst` requests at once, and then as many a second as are given back. */
export interface Allowance {
  readonly perSecond: number;
  readonly burst: number;
}

/** What a caller is told of its bucket. Times in ms. */
export interface Grant {
  readonly isGranted: boolean;
  /** Whole requests that are left. */
  readonly remaining: number;
  /** When the next request will be granted; 0 while some are left. */
  readonly retryAfter: number;
  /** When the bucket will be full. */
  readonly reset: number;
}

/** A bucket of tokens for each caller: an API key, a user, or an address. */
export interface Buckets {
  /** Takes a token from the caller's bucket, if there is one. Never throws: where it cannot tell, it grants. */
  take(caller: string): Promise<Grant>;
}

/** Callers that are remembered; whoever is forgotten has a full bucket again. */
const MAX_CALLERS = 50_000;

/** One bucket of tokens, full at first. Times in ms since the epoch. */
export class Bucket {
  readonly #allowance: Allowance;
  #tokens: number;
  #at: number;

  constructor(allowance: Allowance, now: number) {
    this.#allowance = allowance;
    this.#tokens = allowance.burst;
    this.#at = now;
  }

  /** Takes a token, if there is one. */
  take(now: number): Grant {
    const { perSecond, burst } = this.#allowance;
    // A clock that was set back gives nothing, and takes nothing.
    const filled = Math.min(burst, this.#tokens + Math.max(0, now - this.#at) / 1_000 * perSecond);
    const isGranted = filled >= 1;
    this.#tokens = isGranted ? filled - 1 : filled;
    this.#at = now;
    return grantOf({ isGranted, left: this.#tokens }, this.#allowance);
  }
}

/** Buckets of this process alone. */
export class MemoryBuckets implements Buckets {
  readonly #allowance: Allowance;
  readonly #clock: Clock;
  readonly #buckets: LatelyUsed<string, Bucket>;

  constructor(
    allowance: Allowance,
    { clock, maxCallers = MAX_CALLERS }: { readonly clock: Clock; readonly maxCallers?: number },
  ) {
    this.#allowance = allowance;
    this.#clock = clock;
    this.#buckets = new LatelyUsed(maxCallers);
  }

  /** How many callers are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  take(caller: string): Promise<Grant> {
    const now = this.#clock.now();
    let bucket = this.#buckets.get(caller);
    if (!bucket) this.#buckets.set(caller, bucket = new Bucket(this.#allowance, now));
    return Promise.resolve(bucket.take(now));
  }
}

/** What a caller is told whose bucket now has `left` tokens, which may be a part of one. */
export function grantOf(
  { isGranted, left }: { readonly isGranted: boolean; readonly left: number },
  { perSecond, burst }: Allowance,
): Grant {
  const until = (tokens: number) => Math.max(0, Math.ceil((tokens - left) / perSecond * 1_000));
  return {
    isGranted,
    remaining: Math.floor(left),
    retryAfter: until(1),
    reset: until(burst),
  };
}
