import { styleText } from "node:util";
import stringWidth from "string-width";
import type { Clock } from "../clock.ts";
import type { FullRun } from "../run/snapshot.ts";
import { writeAll } from "./print.ts";
import { durationOf, printable, shortTime, stateOf, type Style } from "./state.ts";
import type { Screen } from "./watch.ts";

const REDRAW_INTERVAL_MS = 1_000;
const GAP = "  ";
/** The title takes what the other columns leave, but never less than this. */
const MIN_TITLE_WIDTH = 12;

/** Escape sequences of ECMA-48 and xterm. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** A table that is drawn anew every second, so that ages tick. */
export class TableScreen implements Screen {
  readonly #url: string;
  readonly #clock: Clock;
  #stop: (() => void) | undefined;
  #runs: readonly FullRun[] | undefined;
  #shownAt = 0;
  #notice = "Connecting";

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  open(): void {
    write(ENTER);
    this.#stop = this.#clock.every(REDRAW_INTERVAL_MS, () => this.#draw());
    this.#draw();
  }

  show(runs: readonly FullRun[]): void {
    this.#runs = runs;
    this.#shownAt = this.#clock.now();
    this.#draw();
  }

  notice(text: string): void {
    this.#notice = printable(text);
    this.#draw();
  }

  close(): void {
    this.#stop?.();
    write(LEAVE);
  }

  #draw(): void {
    const now = this.#clock.now();
    const { columns, rows } = Deno.consoleSize();
    const age = this.#runs ? `, ${shortTime(now - this.#shownAt)} ago` : "";
    const lines = [
      paint("bold", cut(`Runwire  ${this.#url}`, columns)),
      paint("gray", cut(`${this.#notice}${age}. Ctrl-C ends.`, columns)),
      "",
      ...(this.#runs ? renderTable(this.#runs, { now, columns }) : []),
    ].slice(0, rows);
    write(HOME + lines.map((line) => line + CLEAR_LINE_END).join("\r\n") + CLEAR_BELOW);
  }
}

/** One line for each run, in columns that fit `columns` cells; times are counted up to `now`. */
export function renderTable(
  runs: readonly FullRun[],
  { now, columns }: { now: number; columns: number },
): string[] {
  if (runs.length === 0) return ["No runs yet"];
  const states = runs.map(stateOf);
  const before = grid([
    states.map(({ sign, word }) => `${sign} ${word}`),
    runs.map((run) => printable(run.repositoryName)),
    runs.map((run) => printable(`${run.workflowName} #${run.runNumber}`)),
  ]);
  const after = grid([
    runs.map((run) => printable(run.branch ?? "-")),
    runs.map((run) => duration(run, now)),
    runs.map((run) => `${shortTime(now - Date.parse(run.createdAt))} ago`),
  ]);
  const taken = stringWidth(before[0] + GAP + GAP + after[0]);
  const width = Math.max(MIN_TITLE_WIDTH, columns - taken);
  const titles = runs.map((run) => fit(cut(printable(run.displayTitle), width), width));
  return runs.map((_, row) => {
    const line = cut([before[row], titles[row], after[row]].join(GAP), columns);
    return paint(states[row]?.style ?? "gray", line);
  });
}

function duration(run: FullRun, now: number): string {
  const ms = durationOf(run, now);
  return ms === undefined ? "-" : shortTime(ms);
}

/** Joins columns to rows, each column as wide as its widest cell. */
function grid(columns: readonly (readonly string[])[]): string[] {
  const fitted = columns.map((cells) => {
    const width = Math.max(...cells.map((cell) => stringWidth(cell)));
    return cells.map((cell) => fit(cell, width));
  });
  return (fitted[0] ?? []).map((_, row) => fitted.map((cells) => cells[row]).join(GAP));
}

function fit(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}

/** Shortens to `width` cells, by whole characters as a reader sees them. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** https://no-color.org is obeyed. That this is a terminal is known already. */
function paint(style: Style | "bold", text: string): string {
  return Deno.noColor ? text : styleText(style, text, { validateStream: false });
}

function write(text: string): void {
  writeAll(Deno.stdout, text);
}
