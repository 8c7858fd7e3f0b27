import type { GitHubFailure } from "../errors.ts";
import type { Random } from "../random.ts";

/** What is left of GitHub's rate limit, as its last answer said. Times in ms since the epoch. */
export interface GitHubRateLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number;
}

/** Below this share of the limit the beat slows down, so that what is left lasts to the reset. */
const LOW_SHARE = 0.1;

/** The least wait where GitHub says that it limits us, but not until when. */
const MIN_BACKOFF_MS = 60_000;
const MAX_BACKOFF_MS = 15 * 60_000;

/** No window of GitHub's is longer than an hour: a later time is a clock set wrong. */
const MAX_RESET_WAIT_MS = 61 * 60_000;

const INITIAL_RETRY_MS = 1_000;

/** The next beat after `beat`: a whole number of intervals later, and not in the past, so an overlong beat skips some. */
export function nextTick(tick: number, interval: number, now: number): number {
  return tick + interval * Math.max(1, Math.ceil((now - tick) / interval));
}

/** Whether so little is left that it should be saved for the beat. */
export function isLow(
  { limit, remaining, resetAt }: GitHubRateLimit,
  now: number,
  share = LOW_SHARE,
): boolean {
  return resetAt > now && remaining < limit * share;
}

/**
 * Until when to leave what is left of the budget to others, in ms since the epoch: while it is less than `share` of the
 * limit. `undefined` when there is enough.
 */
export function reservedUntil(
  rateLimit: GitHubRateLimit | undefined,
  { now, share }: { readonly now: number; readonly share?: number },
): number | undefined {
  if (!rateLimit || !isLow(rateLimit, now, share)) return undefined;
  return Math.min(rateLimit.resetAt, now + MAX_RESET_WAIT_MS);
}

/**
 * How long one beat lasts, in ms: `interval`, or as many intervals as spread a low budget evenly until its reset when
 * each beat may cost `cost` points. With nothing left it lasts until the reset.
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
 * Until when to leave GitHub alone after it refused for the `attempt`-th time in a row (from 0): the time it told, else at
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

/** How long to wait before the `attempt`-th retry (from 0) within one beat, in ms: about 1 s, 2 s, 4 s … */
export function retryDelay(attempt: number, random: Random): number {
  return INITIAL_RETRY_MS * 2 ** attempt * (1 + random() / 4);
}
