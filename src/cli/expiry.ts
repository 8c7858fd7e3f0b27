import { DAY_MS, formatUtcDay, parseUtcDay } from "../clock.ts";
import { UsageError } from "../errors.ts";

const MAX_EXPIRY_DAYS = 3_650;

/**
 * When something expires, in ms since the epoch: `90d` is so many days after `now`, `2027-01-01` the beginning of that day
 * (UTC).
 * @throws {UsageError} when it is neither, or not within the next ten years
 */
export function parseExpiry(text: string, now: number): number {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const at = days === undefined ? parseUtcDay(text) : now + Number(days) * DAY_MS;
  if (at !== undefined && at > now && at <= now + MAX_EXPIRY_DAYS * DAY_MS) return at;
  throw new UsageError(
    `Cannot use --expires "${text}": allowed is 1d to ${MAX_EXPIRY_DAYS}d, or a day to come such as ` +
      formatUtcDay(now + 90 * DAY_MS),
  );
}
