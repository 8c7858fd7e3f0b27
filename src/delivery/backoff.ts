/** A delivery that has failed so often is parked. */
export const MAX_FAILURES = 5;

const MIN_BACKOFF_MS = 1_000;
const BACKOFF_FACTOR = 4;
const MAX_BACKOFF_MS = 5 * 60_000;

/**
 * When a delivery is due again after its `failures`th failure, in ms since the epoch: about 1 s later, then 4 s, 16 s, 64 s,
 * up to half as long again so that what failed together does not come again together. `undefined` when it is to be parked.
 */
export function retryAt(
  failures: number,
  { now, random }: { now: number; random: () => number },
): number | undefined {
  if (failures >= MAX_FAILURES) return undefined;
  const delay = Math.min(MIN_BACKOFF_MS * BACKOFF_FACTOR ** (failures - 1), MAX_BACKOFF_MS);
  return now + Math.round(delay * (1 + random() / 2));
}
