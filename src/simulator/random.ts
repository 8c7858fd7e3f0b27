/** Numbers from 0 up to but not including 1, always the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export function randomInteger(
  random: () => number,
  [low, high]: readonly [number, number],
): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** One of `options`, each as likely as its weight says. */
export function pickWeighted<T>(
  random: () => number,
  options: readonly (readonly [T, number])[],
): T {
  let left = random() * options.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [option, weight] of options) {
    left -= weight;
    if (left < 0) return option;
  }
  throw new RangeError("Cannot choose: all weights are 0");
}

export function pick<T>(random: () => number, options: readonly T[]): T {
  return pickWeighted(random, options.map((option) => [option, 1]));
}

/** Random hexadecimal digits, for example a commit's SHA. */
export function randomHex(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
}
