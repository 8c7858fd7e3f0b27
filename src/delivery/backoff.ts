/** Failures before a delivery is parked. */
export const MAX_FAILURES = 5;

const MIN_BACKOFF_MS = 1_000;
const BACKOFF_FACTOR = 4;
const MAX_BACKOFF_MS = 5 * 60_000;

/**
 * Returns the time of the next attempt after `failures` failures, in ms since the epoch: about 1 s later, then 4 s, 16 s and
 * 64 s, each with up to 50 % of jitter so that deliveries that failed together are not retried together. Returns `undefined`
 * if the delivery must be parked.
 */
export function retryAt(
  failures: number,
  { now, random }: { now: number; random: () => number },
): number | undefined {
  if (failures >= MAX_FAILURES) return undefined;
  const delay = Math.min(MIN_BACKOFF_MS * BACKOFF_FACTOR ** (failures - 1), MAX_BACKOFF_MS);
  return now + Math.round(delay * (1 + random() / 2));
}
