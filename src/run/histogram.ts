import { PERCENTILE_ERROR } from "./statistics.ts";

/** Each bucket ends at this many times the value at which it begins. */
const GAMMA = (1 + PERCENTILE_ERROR) / (1 - PERCENTILE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** The bucket of zero, below that of 1. */
const ZERO_BUCKET = -1;

/**
 * How often which values were counted, in buckets that grow with the value: any percentile is off by PERCENTILE_ERROR of the
 * exact one at the most, however many values there are, and also when histograms are added to each other. After DDSketch
 * (https://arxiv.org/abs/1908.10693, section 2.1), whose buckets are never collapsed here: durations from a millisecond to a
 * year take 1,200 at the most. Values are whole and not negative.
 */
export class Histogram {
  readonly #counts = new Map<number, number>();
  #count = 0;

  static of(values: readonly number[]): Histogram {
    const histogram = new Histogram();
    for (const value of values) histogram.add(value);
    return histogram;
  }

  /** Several that `toString` wrote, with commas between them; added up. */
  static parse(texts: string): Histogram {
    const histogram = new Histogram();
    // We wrote them ourselves.
    const lists: readonly (readonly number[])[] = JSON.parse(`[${texts}]`);
    for (const list of lists) histogram.#addList(list);
    return histogram;
  }

  /** How many values there are. */
  get count(): number {
    return this.#count;
  }

  /** Counts `value`, or takes it off again: `times` is -1. */
  add(value: number, times = 1): void {
    this.#add(toBucket(value), times);
  }

  /** Adds all that another one counts, or takes it off. */
  addAll(other: Histogram, times: 1 | -1 = 1): void {
    for (const [bucket, count] of other.#counts) this.#add(bucket, times * count);
  }

  /** The smallest value that is not below `share` of all (nearest rank), `share` in (0, 1]; `null` of nothing. */
  percentile(share: number): number | null {
    let remaining = Math.ceil(share * this.#count);
    for (const bucket of this.#buckets()) {
      remaining -= this.#counts.get(bucket) ?? 0;
      if (remaining <= 0) return toValue(bucket);
    }
    return null;
  }

  /** A list of bucket, count, bucket, count …; each bucket but the first as the distance from the one before. */
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

/** What is off by the same share of both ends of a bucket. */
function toValue(bucket: number): number {
  return bucket === ZERO_BUCKET ? 0 : 2 * GAMMA ** bucket / (GAMMA + 1);
}
