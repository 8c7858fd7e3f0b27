import type { GitHubRateLimit } from "../github_rate_limit.ts";

/** Something runs, or has just ended: more is likely to come. */
const ACTIVE_INTERVAL_MS = 20_000;
const QUIET_INTERVAL_MS = 15 * 60_000;
/** A run that waits for somebody may do so for days. */
const UNFINISHED_INTERVAL_MS = 2 * 60_000;
/** A repository that has been quiet for an hour is asked for every six minutes. */
const QUIET_FACTOR = 0.1;
/** What a webhook tells needs no poll; one looks for what it missed. */
const WEBHOOK_FACTOR = 15;
const WEBHOOK_QUIET_INTERVAL_MS = 30 * 60_000;
/** One that cannot be had. */
const ERROR_INTERVAL_MS = 60 * 60_000;

/** So much of the limit is left to others. */
const RESERVED_SHARE = 0.1;
const MIN_SPACING_MS = 250;
/** No window of GitHub's is longer than an hour: a later time is a clock set wrong. */
const MAX_WINDOW_MS = 61 * 60_000;

/** How things stand in a repository. */
export interface RepositoryActivity {
  /** When anything last happened in it, in ms since the epoch. */
  readonly lastActivityAt: number;
  readonly hasUnfinishedRun: boolean;
  /** Whether a webhook tells of it, and is not known to miss anything. */
  readonly hasWebhook: boolean;
  readonly hasError: boolean;
}

/** How long to leave a repository alone when there is budget enough, in ms: 20 s while it is active, 15 min when quiet. */
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
 * The least time from one request to the next, in ms: what is left of the budget, less a reserve and what others need until
 * its reset (half of it at the most), is spread evenly until then. Infinity with nothing to spare.
 */
export function requestSpacing(
  rateLimit: GitHubRateLimit | undefined,
  { reservedPoints, now }: {
    /** Points that others may need in the next `ms`. */
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
