import { monotonicNow } from "./clock.ts";

/** Upper bounds in seconds: from what memory answers to what nobody waits for. */
const BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long something takes, counted in buckets: numbers that cost next to nothing, and are read when somebody asks. */
export class LatencyHistogram {
  /** In seconds, rising. */
  readonly bounds: readonly number[];
  /** How many took no longer than the bound at the same place, and longer than the one before; at the end all others. */
  readonly counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = BOUNDS) {
    this.bounds = bounds;
    this.counts = Array(bounds.length + 1).fill(0);
  }

  /** In seconds. */
  get sum(): number {
    return this.#sum;
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] ?? Infinity)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Observes how long `work` takes, also when it fails. */
  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = monotonicNow();
    try {
      return await work();
    } finally {
      this.observe((monotonicNow() - start) / 1_000);
    }
  }
}
