import { PERCENTILE_ERROR } from "./statistics.ts";

/** The ratio of the upper to the lower bound of a bucket. */
const GAMMA = (1 + PERCENTILE_ERROR) / (1 - PERCENTILE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** The bucket of zero, below the bucket of 1. */
const ZERO_BUCKET = -1;

/**
 * Counts values in buckets that grow with the value, so that every percentile has a relative error of at most
 * PERCENTILE_ERROR, for any number of values and for sums of histograms. Based on DDSketch
 * (https://arxiv.org/abs/1908.10693, section 2.1) without collapsing buckets: durations from a millisecond to a year take at
 * most 1,200. Values are non-negative integers.
 */
export class Histogram {
  readonly #counts = new Map<number, number>();
  #count = 0;

  static from(values: readonly number[]): Histogram {
    const histogram = new Histogram();
    for (const value of values) histogram.add(value);
    return histogram;
  }

  /** Parses comma-separated results of `toString` and returns their sum. */
  static parse(texts: string): Histogram {
    const histogram = new Histogram();
    // `toString` wrote the text, so it is not validated.
    const lists: readonly (readonly number[])[] = JSON.parse(`[${texts}]`);
    for (const list of lists) histogram.#addList(list);
    return histogram;
  }

  /** The number of values. */
  get count(): number {
    return this.#count;
  }

  /** Adds `value`, or subtracts it if `times` is -1. */
  add(value: number, times = 1): void {
    this.#add(toBucket(value), times);
  }

  /** Adds another histogram, or subtracts it if `times` is -1. */
  addAll(other: Histogram, times: 1 | -1 = 1): void {
    for (const [bucket, count] of other.#counts) this.#add(bucket, times * count);
  }

  /** Returns the percentile by nearest rank, `share` in (0, 1]; `null` if there are no values. */
  percentile(share: number): number | null {
    let remaining = Math.ceil(share * this.#count);
    for (const bucket of this.#buckets()) {
      remaining -= this.#counts.get(bucket) ?? 0;
      if (remaining <= 0) return toValue(bucket);
    }
    return null;
  }

  /** Returns a JSON array of bucket, count, bucket, count …; each bucket is relative to the previous one. */
  toString(): string {
    let last = 0;
    const list = this.#buckets().flatMap((bucket) => {
      const distance = bucket - last;
      last = bucket;
      return [distance, this.#counts.get(bucket)];
    });
    return JSON.stringify(list);
  }

  #addList(list: readonly number[]): void {
    let bucket = 0;
    for (let at = 0; at < list.length; at += 2) {
      bucket += list[at] ?? 0;
      this.#add(bucket, list[at + 1] ?? 0);
    }
  }

  #add(bucket: number, times: number): void {
    const count = (this.#counts.get(bucket) ?? 0) + times;
    if (count === 0) this.#counts.delete(bucket);
    else this.#counts.set(bucket, count);
    this.#count += times;
  }

  #buckets(): number[] {
    return [...this.#counts.keys()].sort((a, b) => a - b);
  }
}

function toBucket(value: number): number {
  return value < 1 ? ZERO_BUCKET : Math.ceil(Math.log(value) / LOG_GAMMA);
}

/** Returns the value with the same relative error to both bounds of the bucket. */
function toValue(bucket: number): number {
  return bucket === ZERO_BUCKET ? 0 : 2 * GAMMA ** bucket / (GAMMA + 1);
}
