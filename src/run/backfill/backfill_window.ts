import { floorToSecond, type TimeRange } from "./backfill_progress.ts";

/**
 * The most runs that GitHub lists for one window.
 * https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
 */
export const MAX_LISTED_RUNS = 1_000;
/** The target number of runs in a window: large enough to save requests, and small enough to list. */
const TARGET_RUNS_PER_WINDOW = 750;
const MAX_WIDENING = 16;
const SECOND_MS = 1_000;

/** The end of a range that is imported first. */
export type RangeEnd = "oldest" | "newest";

/**
 * Divides a range into consecutive windows, starting from one end. A window with too many runs to list is narrowed to at most half;
 * after a window with few runs the next one is wider.
 */
export class BackfillWindows {
  readonly #end: RangeEnd;
  #remaining: TimeRange;
  #width: number;

  constructor(range: TimeRange, end: RangeEnd) {
    this.#end = end;
    this.#remaining = range;
    this.#width = range.to - range.from;
  }

  /** The next window; `undefined` at the end. */
  get current(): TimeRange | undefined {
    const { from, to } = this.#remaining;
    if (from >= to) return undefined;
    return this.#end === "newest"
      ? { from: Math.max(from, to - this.#width), to }
      : { from, to: Math.min(to, from + this.#width) };
  }

  /** Narrows the current window, which has `count` runs. */
  narrow(count: number): void {
    const { from, to } = this.current ?? this.#remaining;
    this.#width = Math.max(
      SECOND_MS,
      floorToSecond((to - from) * Math.min(1 / 2, TARGET_RUNS_PER_WINDOW / count)),
    );
  }

  /** Moves to the next window after one with `count` runs. */
  advance(count: number): void {
    const done = this.current;
    if (!done) return;
    this.#remaining = this.#end === "newest"
      ? { from: this.#remaining.from, to: done.from }
      : { from: done.to, to: this.#remaining.to };
    const widening = Math.min(TARGET_RUNS_PER_WINDOW / Math.max(count, 1), MAX_WIDENING);
    this.#width = floorToSecond(this.#width * Math.max(1, widening));
  }
}

/** Whether GitHub may not list all runs of a window with `total` runs. */
export function isTooMany(total: number): boolean {
  // If the total is exactly the limit, there may be more.
  return total >= MAX_LISTED_RUNS;
}

/** Whether a window cannot be narrowed: GitHub counts in seconds. */
export function isNarrowest({ from, to }: TimeRange): boolean {
  return to - from <= SECOND_MS;
}
