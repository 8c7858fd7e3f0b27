import type { Clock } from "../clock.ts";
import { formatDuration } from "./format.ts";

const WIDTH = 30;

/** A progress bar with the remaining time on standard error; shown only in a terminal. */
export class ProgressBar {
  readonly #title: string;
  readonly #clock: Clock;
  readonly #estimated: string | undefined;
  #start: { readonly at: number; readonly done: number } | undefined;

  /** `estimated` is the unit, for example `runs`, if the total is an estimate. */
  constructor(title: string, clock: Clock, { estimated }: { readonly estimated?: string } = {}) {
    this.#title = title;
    this.#clock = clock;
    this.#estimated = estimated;
  }

  show(done: number, total: number): void {
    if (!Deno.stderr.isTerminal()) return;
    const now = this.#clock.now();
    const { at, done: from } = this.#start ??= { at: now, done };
    const bar = renderBar({ done, total, from, elapsed: now - at, estimated: this.#estimated });
    write(`\r${this.#title} ${bar}\x1b[K`);
  }

  /** Prints a permanent line, in a terminal or not. */
  printLine(text: string): void {
    write(`${this.#start === undefined ? "" : "\n"}runwire: ${text}\n`);
  }

  close(): void {
    if (this.#start !== undefined) write("\n");
    this.#start = undefined;
  }
}

/**
 * `[#####-----] 5/10, 12s left`, or `5 of about 10 runs, 12s left`. `elapsed` is the time in ms since `from` items were done.
 */
export function renderBar(
  { done, total, from = 0, elapsed, estimated }: {
    readonly done: number;
    readonly total: number;
    readonly from?: number;
    readonly elapsed: number;
    readonly estimated?: string | undefined;
  },
): string {
  const filled = total === 0 ? WIDTH : Math.round(WIDTH * done / total);
  const bar = "#".repeat(filled).padEnd(WIDTH, "-");
  const time = elapsed / (done - from) * (total - done);
  const left = done === from ? "" : `, ${formatDuration(time)} left`;
  const count = estimated === undefined
    ? `${done}/${total}`
    : `${done} of about ${total} ${estimated}`;
  return `[${bar}] ${count}${left}`;
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
