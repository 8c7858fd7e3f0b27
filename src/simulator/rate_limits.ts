import type { Clock } from "../clock.ts";
import type { Credential } from "./auth/credentials.ts";

/** The primary rate limit of one credential. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly used: number;
  /** Seconds since the epoch. */
  readonly reset: number;
}

const WINDOW_MS = 60 * 60 * 1000;
const ANONYMOUS_LIMIT = 60;

/**
 * The primary rate limit, per token and per hour after its first request:
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export class RateLimits {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #limits = new Map<string, RateLimit>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get({ token }: Pick<Credential, "token">): RateLimit {
    const now = this.#clock.now();
    const current = this.#limits.get(token);
    if (current && now < current.reset * 1000) return current;
    const limit = token === "" ? ANONYMOUS_LIMIT : this.#limit;
    const fresh = { limit, remaining: limit, used: 0, reset: Math.ceil((now + WINDOW_MS) / 1000) };
    this.#limits.set(token, fresh);
    return fresh;
  }

  consume({ token }: Pick<Credential, "token">): void {
    const { limit, remaining, used, reset } = this.get({ token });
    this.#limits.set(token, {
      limit,
      remaining: Math.max(0, remaining - 1),
      used: used + 1,
      reset,
    });
  }

  /** Sets the remaining requests of a token, for example `{ remaining: 0 }`, until its reset (seconds since the epoch). */
  set(
    token: string,
    { remaining, reset }: { readonly remaining: number; readonly reset?: number },
  ): void {
    const current = this.get({ token });
    this.#limits.set(token, {
      limit: current.limit,
      remaining,
      used: current.limit - remaining,
      reset: reset ?? current.reset,
    });
  }
}

export function rateLimitHeaders(
  { limit, remaining, used, reset }: RateLimit,
  resource = "core",
): Record<string, string> {
  return {
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-used": String(used),
    "x-ratelimit-reset": String(reset),
    "x-ratelimit-resource": resource,
  };
}

/** https://docs.github.com/en/rest/rate-limit/rate-limit */
export function rateLimitJson(core: RateLimit) {
  const searchLimit = { limit: 30, remaining: 30, used: 0, reset: core.reset, resource: "search" };
  const rate = { ...core, resource: "core" };
  return { resources: { core: rate, search: searchLimit }, rate };
}
