import type { Clock } from "../clock.ts";
import { shortTime } from "./state.ts";

const WIDTH = 30;

/** A bar on standard error, with what is left in time; only in a terminal. */
export class ProgressBar {
  readonly #title: string;
  readonly #clock: Clock;
  #startedAt: number | undefined;

  constructor(title: string, clock: Clock) {
    this.#title = title;
    this.#clock = clock;
  }

  show(done: number, total: number): void {
    if (!Deno.stderr.isTerminal()) return;
    this.#startedAt ??= this.#clock.now();
    const elapsed = this.#clock.now() - this.#startedAt;
    write(`\r${this.#title} ${renderBar({ done, total, elapsed })}\x1b[K`);
  }

  close(): void {
    if (this.#startedAt !== undefined) write("\n");
  }
}

/** `[#####-----] 5/10, 12s left` */
export function renderBar(
  { done, total, elapsed }: { done: number; total: number; elapsed: number },
): string {
  const filled = total === 0 ? WIDTH : Math.round(WIDTH * done / total);
  const bar = "#".repeat(filled).padEnd(WIDTH, "-");
  const left = done === 0 ? "" : `, ${shortTime(elapsed / done * (total - done))} left`;
  return `[${bar}] ${done}/${total}${left}`;
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
