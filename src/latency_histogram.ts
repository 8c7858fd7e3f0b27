import { monotonicNow } from "./clock.ts";

/** Upper bounds in seconds: from a read from memory to a request that has timed out. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A histogram of durations, cheap enough for every request; read when metrics are scraped. */
export class LatencyHistogram {
  /** Upper bounds of the buckets in seconds, ascending. */
  readonly bounds: readonly number[];
  /** The number of durations in each bucket; the last bucket has no upper bound. */
  readonly counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = BOUNDS) {
    this.bounds = bounds;
    this.counts = Array(bounds.length + 1).fill(0);
  }

  /** The sum of all durations in seconds. */
  get sum(): number {
    return this.#sum;
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] ?? Infinity)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Observes the duration of `work`, even if it fails. */
  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = monotonicNow();
    try {
      return await work();
    } finally {
      this.observe((monotonicNow() - start) / 1_000);
    }
  }
}
