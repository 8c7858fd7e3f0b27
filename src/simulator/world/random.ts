/** Numbers from 0 (inclusive) to 1 (exclusive), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from `low` to `high`, both inclusive. */
export function randomInteger(
  random: () => number,
  [low, high]: readonly [number, number],
): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** One of `options`, with a probability proportional to its weight. */
export function pickWeighted<T>(
  random: () => number,
  options: readonly (readonly [T, number])[],
): T {
  let left = random() * options.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [option, weight] of options) {
    left -= weight;
    if (left < 0) return option;
  }
  throw new RangeError("expected a positive weight");
}

export function pick<T>(random: () => number, options: readonly T[]): T {
  return pickWeighted(random, options.map((option) => [option, 1]));
}

/** Random hexadecimal digits, for example a commit's SHA. */
export function randomHex(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}
