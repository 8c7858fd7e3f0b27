/** A delivery that has failed so often is parked. */
export const MAX_FAILURES = 5;

const FIRST_RETRY_MS = 1_000;
const RETRY_FACTOR = 4;
const LONGEST_RETRY_MS = 5 * 60_000;

/**
 * When a delivery is due again after its `failures`th failure, in ms since the epoch: about 1 s later, then 4 s, 16 s, 64 s,
 * up to half as long again so that what failed together does not come again together. `undefined` when it is to be parked.
 */
export function retryAt(
  failures: number,
  { now, random }: { now: number; random: () => number },
): number | undefined {
  if (failures >= MAX_FAILURES) return undefined;
  const delay = Math.min(FIRST_RETRY_MS * RETRY_FACTOR ** (failures - 1), LONGEST_RETRY_MS);
  return now + Math.round(delay * (1 + random() / 2));
}
