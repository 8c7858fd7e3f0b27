import type { GitHubFailure } from "../errors.ts";
import type { Random } from "../random.ts";

/** GitHub's rate limit, as of the last response. Times in ms since the epoch. */
export interface GitHubRateLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number;
}

/** A pause in which no background requests may be sent. */
export interface GitHubBackoff {
  /** In ms since the epoch. */
  readonly until: number;
  readonly reason: "rate_limited" | "unauthorized";
}

/** The rate limit of Runwire's credential. */
export interface GitHubQuota {
  /** As the last response reported it; `undefined` before the first and if GitHub has none (GitHub Enterprise Server). */
  readonly rateLimit: GitHubRateLimit | undefined;
  /** `undefined` while requests may be sent. */
  readonly backoff: GitHubBackoff | undefined;
}

/** Below this share of the limit polling slows down, so that the remaining quota lasts until the reset. */
export const LOW_SHARE = 0.1;

/** The minimum wait after a rate limit error without a retry time. */
const MIN_BACKOFF_MS = 60_000;
const MAX_BACKOFF_MS = 15 * 60_000;

/** GitHub's windows last at most an hour: a later reset means that a clock is wrong. */
const MAX_RESET_WAIT_MS = 61 * 60_000;

const INITIAL_RETRY_MS = 1_000;

/** Returns the next tick: a whole number of intervals after `tick` and not in the past, so a long poll skips ticks. */
export function nextTick(tick: number, interval: number, now: number): number {
  return tick + interval * Math.max(1, Math.ceil((now - tick) / interval));
}

/** Whether the remaining quota should be reserved for polling. */
function isLow(
  { limit, remaining, resetAt }: GitHubRateLimit,
  now: number,
  share = LOW_SHARE,
): boolean {
  return resetAt > now && remaining < limit * share;
}

/**
 * Returns when background requests may continue, in ms since the epoch, if less than `share` of the limit remains; `undefined`
 * if there is enough quota.
 */
export function reservedUntil(
  rateLimit: GitHubRateLimit | undefined,
  { now, share }: { readonly now: number; readonly share?: number },
): number | undefined {
  if (!rateLimit || !isLow(rateLimit, now, share)) return undefined;
  return Math.min(rateLimit.resetAt, now + MAX_RESET_WAIT_MS);
}

/**
 * Returns the poll interval in ms: `interval`, or a multiple of it that spreads a low quota evenly until the reset if each
 * poll may cost `cost` points. Without any quota the interval lasts until the reset.
 */
export function rateLimitedInterval(
  interval: number,
  rateLimit: GitHubRateLimit | undefined,
  at: { cost: number; now: number },
): number {
  if (!rateLimit || !isLow(rateLimit, at.now)) return interval;
  const toReset = Math.min(rateLimit.resetAt - at.now, MAX_RESET_WAIT_MS);
  const ticksLeft = Math.max(1, Math.floor(rateLimit.remaining / at.cost));
  return interval * Math.max(1, Math.ceil(toReset / ticksLeft / interval));
}

/**
 * Returns the end of the backoff after the `attempt`-th failure in a row (from 0): the time GitHub sent, otherwise after at
 * least a minute, growing exponentially with jitter.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
export function backoffUntil(
  failure: GitHubFailure,
  attempt: number,
  { now, random }: { now: number; random: Random },
): number {
  if (failure.kind === "rate_limited" && failure.retryAt !== undefined) {
    return Math.min(Math.max(failure.retryAt, now), now + MAX_RESET_WAIT_MS);
  }
  const wait = Math.min(MIN_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS);
  return now + wait * (1 + random() / 4);
}

/** Returns the delay in ms before the `attempt`-th retry (from 0) within one poll: about 1 s, 2 s, 4 s … */
export function retryDelay(attempt: number, random: Random): number {
  return INITIAL_RETRY_MS * 2 ** attempt * (1 + random() / 4);
}
