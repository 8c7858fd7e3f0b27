import type { GitHubRateLimit } from "../github_rate_limit.ts";

/** While a run is in progress or has just ended. */
const ACTIVE_INTERVAL_MS = 20_000;
const QUIET_INTERVAL_MS = 15 * 60_000;
/** A run can wait for an approval for days. */
const UNFINISHED_INTERVAL_MS = 2 * 60_000;
/** A repository without activity for an hour is polled every six minutes. */
const QUIET_FACTOR = 0.1;
/** Polling only finds what a webhook missed. */
const WEBHOOK_FACTOR = 15;
const WEBHOOK_QUIET_INTERVAL_MS = 30 * 60_000;
/** For a repository that is not accessible. */
const ERROR_INTERVAL_MS = 60 * 60_000;

/** The share of the rate limit that is reserved for other tasks. */
const RESERVED_SHARE = 0.1;
const MIN_SPACING_MS = 250;
/** GitHub's windows last an hour; a later reset comes from a wrong clock. */
const MAX_WINDOW_MS = 61 * 60_000;

interface RepositoryActivity {
  /** The last event in the repository, in ms since the epoch. */
  readonly lastActivityAt: number;
  readonly hasUnfinishedRun: boolean;
  /** Whether a webhook reports its runs, and has not missed any lately. */
  readonly hasWebhook: boolean;
  readonly hasError: boolean;
}

/** The poll interval of a repository while the rate limit is not low, in ms: 20 s while it is active, up to 15 min otherwise. */
export function pollInterval(
  { lastActivityAt, hasUnfinishedRun, hasWebhook, hasError }: RepositoryActivity,
  now: number,
): number {
  if (hasError) return ERROR_INTERVAL_MS;
  const maximum = hasUnfinishedRun ? UNFINISHED_INTERVAL_MS : QUIET_INTERVAL_MS;
  const interval = Math.min(
    Math.max((now - lastActivityAt) * QUIET_FACTOR, ACTIVE_INTERVAL_MS),
    maximum,
  );
  return hasWebhook ? Math.min(interval * WEBHOOK_FACTOR, WEBHOOK_QUIET_INTERVAL_MS) : interval;
}

/**
 * The minimum time between two requests, in ms. It spreads the remaining quota evenly until the reset, less RESERVED_SHARE and the
 * points reserved for other tasks (at most half of the rest). Infinity if no quota is left.
 */
export function requestSpacing(
  rateLimit: GitHubRateLimit | undefined,
  { reservedPoints, now }: {
    /** The points of the rate limit that other tasks may need in the next `ms`. */
    readonly reservedPoints: (ms: number) => number;
    readonly now: number;
  },
): number {
  if (!rateLimit || rateLimit.resetAt <= now) return MIN_SPACING_MS;
  const toReset = Math.min(rateLimit.resetAt - now, MAX_WINDOW_MS);
  const free = rateLimit.remaining - rateLimit.limit * RESERVED_SHARE;
  const spare = Math.max(free - reservedPoints(toReset), free / 2);
  return spare < 1 ? Infinity : Math.max(MIN_SPACING_MS, toReset / spare);
}
