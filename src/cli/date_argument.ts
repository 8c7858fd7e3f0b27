import { DAY_MS, formatUtcDay, parseUtcDay } from "../clock.ts";
import { invalidValue } from "../error_text.ts";
import { UsageError } from "../errors.ts";

/** GitHub retains runs for 400 days: https://docs.github.com/en/actions/administering-github-actions/usage-limits-billing-and-administration */
const MAX_SINCE_DAYS = 400;
const MAX_EXPIRY_DAYS = 3_650;
const EXAMPLE_DAYS = 90;

/**
 * Parses `--since` to ms since the epoch: `90d` is 90 days before `now`, `2026-01-01` the start of that day (UTC).
 * @throws {UsageError} if it is neither, or not within the last 400 days
 */
export function parseSince(text: string, now: number): number {
  const since = parseDays(text, (ms) => now - ms);
  const earliest = startOfDay(now - MAX_SINCE_DAYS * DAY_MS);
  if (since !== undefined && since >= earliest && since < now) return since;
  const example = formatUtcDay(now - EXAMPLE_DAYS * DAY_MS);
  const expected =
    `1d to ${MAX_SINCE_DAYS}d, or a day within the last ${MAX_SINCE_DAYS} days such as ${example}`;
  throw new UsageError(invalidValue("--since", text, expected));
}

/**
 * Parses `--expires` to ms since the epoch: `90d` is 90 days after `now`, `2027-01-01` the start of that day (UTC).
 * @throws {UsageError} if it is neither, or not within the next ten years
 */
export function parseExpiry(text: string, now: number): number {
  const expiry = parseDays(text, (ms) => now + ms);
  const latest = now + MAX_EXPIRY_DAYS * DAY_MS;
  if (expiry !== undefined && expiry > now && expiry <= latest) return expiry;
  const example = formatUtcDay(now + EXAMPLE_DAYS * DAY_MS);
  const expected = `1d to ${MAX_EXPIRY_DAYS}d, or a future day such as ${example}`;
  throw new UsageError(invalidValue("--expires", text, expected));
}

function parseDays(text: string, shift: (ms: number) => number): number | undefined {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  return days === undefined ? parseUtcDay(text) : shift(Number(days) * DAY_MS);
}

function startOfDay(at: number): number {
  return at - at % DAY_MS;
}
