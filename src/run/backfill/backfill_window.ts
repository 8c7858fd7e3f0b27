import { floorToSecond, type TimeRange } from "./backfill_progress.ts";

/**
 * What GitHub lists of one window, at the most.
 * https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
 */
export const MAX_LISTED_RUNS = 1_000;
/** What a window should hold: few requests are wasted, and few windows prove too wide. */
const TARGET_RUNS_PER_WINDOW = 750;
const MAX_WIDENING = 16;
const SECOND_MS = 1_000;

/** Which end of a span is taken first. */
export type RangeEnd = "oldest" | "newest";

/**
 * Windows that come one after the other from one end of a span, wide where little happened and narrow where much did: one
 * that holds too many runs to be listed is halved at the least, and after one that holds few the next is wider.
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

  /** The next window; `undefined` when all are done. */
  get current(): TimeRange | undefined {
    const { from, to } = this.#remaining;
    if (from >= to) return undefined;
    return this.#end === "newest"
      ? { from: Math.max(from, to - this.#width), to }
      : { from, to: Math.min(to, from + this.#width) };
  }

  /** Makes the current window narrower, as it holds `count` runs. */
  narrow(count: number): void {
    const { from, to } = this.current ?? this.#remaining;
    this.#width = Math.max(
      SECOND_MS,
      floorToSecond((to - from) * Math.min(1 / 2, TARGET_RUNS_PER_WINDOW / count)),
    );
  }

  /** Goes on behind the current window, which holds `count` runs. */
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

/** Whether GitHub may hold back some of the runs of a window that holds `total`. */
export function isTooMany(total: number): boolean {
  // Where exactly as many are told as can be listed, there may be more.
  return total >= MAX_LISTED_RUNS;
}

/** Whether a window cannot be made any narrower: GitHub counts in seconds. */
export function isNarrowest({ from, to }: TimeRange): boolean {
  return to - from <= SECOND_MS;
}
