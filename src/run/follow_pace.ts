import type { Budget } from "./pace.ts";

/** Something runs, or has just ended: more is likely to come. */
const ACTIVE_MS = 20_000;
const QUIET_MS = 15 * 60_000;
/** A run that waits for somebody may do so for days. */
const UNFINISHED_MS = 2 * 60_000;
/** A repository that has been quiet for an hour is asked for every six minutes. */
const QUIET_SHARE = 0.1;
/** What a webhook tells needs no poll; one looks for what it missed. */
const HOOKED_FACTOR = 15;
const HOOKED_QUIET_MS = 30 * 60_000;
/** One that cannot be had. */
const TROUBLE_MS = 60 * 60_000;

/** So much of the limit is left to others. */
const RESERVED_SHARE = 0.1;
const MIN_GAP_MS = 250;
/** No window of GitHub's is longer than an hour: a later time is a clock set wrong. */
const MAX_WINDOW_MS = 61 * 60_000;

/** How things stand in a repository. */
export interface Liveliness {
  /** When anything last happened in it, in ms since the epoch. */
  readonly lastAt: number;
  readonly isUnfinished: boolean;
  /** Whether a webhook tells of it, and is not known to miss anything. */
  readonly isHooked: boolean;
  readonly isInTrouble: boolean;
}

/** How long to leave a repository alone when there is budget enough, in ms: 20 s while it is active, 15 min when quiet. */
export function restOf(
  { lastAt, isUnfinished, isHooked, isInTrouble }: Liveliness,
  now: number,
): number {
  if (isInTrouble) return TROUBLE_MS;
  const longest = isUnfinished ? UNFINISHED_MS : QUIET_MS;
  const rest = Math.min(Math.max((now - lastAt) * QUIET_SHARE, ACTIVE_MS), longest);
  return isHooked ? Math.min(rest * HOOKED_FACTOR, HOOKED_QUIET_MS) : rest;
}

/**
 * The least time from one request to the next, in ms: what is left of the budget, less a reserve and what others need until
 * its reset (half of it at the most), is spread evenly until then. Infinity with nothing to spare.
 */
export function gapWithin(
  budget: Budget | undefined,
  { kept, now }: {
    /** Points that others may need in the next `ms`. */
    readonly kept: (ms: number) => number;
    readonly now: number;
  },
): number {
  if (!budget || budget.resetAt <= now) return MIN_GAP_MS;
  const toReset = Math.min(budget.resetAt - now, MAX_WINDOW_MS);
  const free = budget.remaining - budget.limit * RESERVED_SHARE;
  const spare = Math.max(free - kept(toReset), free / 2);
  return spare < 1 ? Infinity : Math.max(MIN_GAP_MS, toReset / spare);
}
