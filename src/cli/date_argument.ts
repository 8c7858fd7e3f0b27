import { DAY_MS, formatUtcDay, parseUtcDay } from "../clock.ts";
import { UsageError } from "../errors.ts";

/** GitHub keeps runs for 400 days: https://docs.github.com/en/actions/administering-github-actions/usage-limits-billing-and-administration */
const MAX_SINCE_DAYS = 400;

/**
 * From when on, in ms since the epoch: `90d` is so many days before `now`, `2026-01-01` the beginning of that day (UTC).
 * @throws {UsageError} when it is neither, or not within the last 400 days
 */
export function parseSince(text: string, now: number): number {
  const days = /^(\d{1,3})d$/.exec(text)?.[1];
  const since = days === undefined ? parseUtcDay(text) : now - Number(days) * DAY_MS;
  const isAllowed = since !== undefined && since < now &&
    since >= now - (MAX_SINCE_DAYS + 1) * DAY_MS &&
    (days === undefined || (Number(days) >= 1 && Number(days) <= MAX_SINCE_DAYS));
  if (isAllowed) return since;
  throw new UsageError(
    `Cannot use --since "${text}": allowed is 1d to ${MAX_SINCE_DAYS}d, or a day of the last ${MAX_SINCE_DAYS} days such as ` +
      formatUtcDay(now - 90 * DAY_MS),
  );
}
