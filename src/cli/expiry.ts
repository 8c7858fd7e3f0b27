import { DAY_MS } from "../clock.ts";
import { UsageError } from "../errors.ts";

const MAX_DAYS = 3_650;

/**
 * When something expires, in ms since the epoch: `90d` is so many days after `now`, `2027-01-01` the beginning of that day
 * (UTC).
 * @throws {UsageError} when it is neither, or not within the next ten years
 */
export function parseExpiry(text: string, now: number): number {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  const at = days === undefined ? dayOf(text) : now + Number(days) * DAY_MS;
  if (at > now && at <= now + MAX_DAYS * DAY_MS) return at;
  throw new UsageError(
    `Cannot use --expires "${text}": allowed is 1d to ${MAX_DAYS}d, or a day to come such as ` +
      new Date(now + 90 * DAY_MS).toISOString().slice(0, 10),
  );
}

/** Not a number for what is no day. */
function dayOf(text: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  // 30 February is none, though Date.parse may take it.
  return Number.isFinite(at) && new Date(at).toISOString().startsWith(text) ? at : NaN;
}
