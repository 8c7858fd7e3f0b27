import { styleText } from "node:util";
import stringWidth from "string-width";
import type { Clock } from "../clock.ts";
import type { FullRun } from "../run/snapshot.ts";
import { formatDuration, runDuration, sanitize, type Style, toDisplayState } from "./format.ts";
import { writeAll } from "./print.ts";
import type { Screen } from "./screen.ts";

const REDRAW_INTERVAL_MS = 1_000;
const GAP = "  ";
/** The title column gets the remaining width, but at least this. */
const MIN_TITLE_WIDTH = 12;

/** Escape sequences of ECMA-48 and xterm. */
const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";
const CURSOR_HOME = "\x1b[H";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** A table, redrawn every second to update the ages. */
export class TableScreen implements Screen {
  readonly #url: string;
  readonly #clock: Clock;
  #stop: (() => void) | undefined;
  #runs: readonly FullRun[] | undefined;
  #receivedAt = 0;
  #status = "Connecting";

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  open(): void {
    write(ENTER_SCREEN);
    this.#stop = this.#clock.every(REDRAW_INTERVAL_MS, () => this.#draw());
    this.#draw();
  }

  show(runs: readonly FullRun[]): void {
    this.#runs = runs;
    this.#receivedAt = this.#clock.now();
    this.#draw();
  }

  showStatus(text: string): void {
    this.#status = sanitize(text);
    this.#draw();
  }

  close(): void {
    this.#stop?.();
    write(LEAVE_SCREEN);
  }

  #draw(): void {
    const now = this.#clock.now();
    const { columns, rows } = Deno.consoleSize();
    const age = this.#runs ? `, updated ${formatDuration(now - this.#receivedAt)} ago` : "";
    const lines = [
      colorize("bold", truncate(`Runwire  ${this.#url}`, columns)),
      colorize("gray", truncate(`${this.#status}${age}. Press Ctrl-C to stop.`, columns)),
      "",
      ...(this.#runs ? renderTable(this.#runs, { now, columns }) : []),
    ].slice(0, rows);
    write(CURSOR_HOME + lines.map((line) => line + CLEAR_LINE_END).join("\r\n") + CLEAR_BELOW);
  }
}

/** One line per run, at most `columns` cells wide; ages and durations are relative to `now`. */
export function renderTable(
  runs: readonly FullRun[],
  { now, columns }: { now: number; columns: number },
): string[] {
  if (runs.length === 0) return ["No runs yet"];
  const states = runs.map(toDisplayState);
  const before = alignColumns([
    states.map(({ symbol, word }) => `${symbol} ${word}`),
    runs.map((run) => sanitize(run.repositoryName)),
    runs.map((run) => sanitize(`${run.workflowName} #${run.runNumber}`)),
  ]);
  const after = alignColumns([
    runs.map((run) => sanitize(run.branch ?? "-")),
    runs.map((run) => formatRunDuration(run, now)),
    runs.map((run) => `${formatDuration(now - Date.parse(run.createdAt))} ago`),
  ]);
  const usedWidth = stringWidth(before[0] + GAP + GAP + after[0]);
  const width = Math.max(MIN_TITLE_WIDTH, columns - usedWidth);
  const titles = runs.map((run) => padToWidth(truncate(sanitize(run.displayTitle), width), width));
  return runs.map((_, row) => {
    const line = truncate([before[row], titles[row], after[row]].join(GAP), columns);
    return colorize(states[row]?.style ?? "gray", line);
  });
}

function formatRunDuration(run: FullRun, now: number): string {
  const ms = runDuration(run, now);
  return ms === undefined ? "-" : formatDuration(ms);
}

/** Joins columns into rows; each column is as wide as its widest cell. */
function alignColumns(columns: readonly (readonly string[])[]): string[] {
  const fitted = columns.map((cells) => {
    const width = Math.max(...cells.map((cell) => stringWidth(cell)));
    return cells.map((cell) => padToWidth(cell, width));
  });
  return (fitted[0] ?? []).map((_, row) => fitted.map((cells) => cells[row]).join(GAP));
}

function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}

/** Shortens to `width` cells without splitting grapheme clusters. */
function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let shortened = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(shortened + segment) > width - 1) break;
    shortened += segment;
  }
  return `${shortened}…`;
}

/** Follows https://no-color.org. The caller has checked that this is a terminal. */
function colorize(style: Style | "bold", text: string): string {
  return Deno.noColor ? text : styleText(style, text, { validateStream: false });
}

function write(text: string): void {
  writeAll(Deno.stdout, text);
}
