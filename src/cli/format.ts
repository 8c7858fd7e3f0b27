import type { FullRun } from "../run/snapshot.ts";

export type Style = "green" | "red" | "yellow" | "blue" | "gray";

/** How a run stands, in one word, with its sign and colour. Values that are new to us are shown as they are. */
export interface DisplayState {
  readonly word: string;
  readonly sign: string;
  readonly style: Style;
}

const SYMBOLS: Readonly<Record<string, readonly [sign: string, style: Style]>> = {
  success: ["✓", "green"],
  failure: ["✗", "red"],
  startup_failure: ["✗", "red"],
  timed_out: ["✗", "red"],
  action_required: ["!", "yellow"],
  cancelled: ["⊘", "gray"],
  skipped: ["⊘", "gray"],
  neutral: ["–", "gray"],
  stale: ["–", "gray"],
  in_progress: ["●", "yellow"],
  queued: ["○", "blue"],
  requested: ["○", "blue"],
  waiting: ["○", "blue"],
  pending: ["○", "blue"],
};

export function toDisplayState(run: Pick<FullRun, "status" | "conclusion">): DisplayState {
  const word = (run.status === "completed" ? run.conclusion : run.status) ?? "unknown";
  const [sign, style] = SYMBOLS[word] ?? ["?", "gray"];
  return { word: sanitize(word), sign, style };
}

/** From its start to its end, or until `now`, in ms; `undefined` for a run that has not started. */
export function runDuration(run: FullRun, now: number): number | undefined {
  const isOver = run.status === "completed";
  if (!isOver && run.status !== "in_progress") return undefined;
  const start = Date.parse(run.startedAt ?? run.createdAt);
  return Math.max(0, (isOver ? Date.parse(run.updatedAt) : now) - start);
}

/** Two units at the most: `42s`, `3m 07s`, `2h 05m`, `4d 03h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(
    Math.floor,
  ) as [number, number, number];
  if (minutes === 0) return `${seconds}s`;
  if (hours === 0) return `${minutes}m ${pad(seconds % 60)}s`;
  if (days === 0) return `${hours}h ${pad(minutes % 60)}m`;
  return `${days}d ${pad(hours % 24)}h`;
}

/** Without anything that could move the cursor or turn the text around: titles are written by strangers. */
export function sanitize(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, " ").trim();
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
