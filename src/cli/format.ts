import type { FullRun } from "../run/snapshot.ts";

export type Style = "green" | "red" | "yellow" | "blue" | "gray";

/** The state of a run as one word, with its symbol and color. Unknown values are shown unchanged. */
interface DisplayState {
  readonly word: string;
  readonly symbol: string;
  readonly style: Style;
}

const SYMBOLS: Readonly<Record<string, readonly [symbol: string, style: Style]>> = {
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
  const [symbol, style] = SYMBOLS[word] ?? ["?", "gray"];
  return { word: sanitize(word), symbol, style };
}

/** Milliseconds from start to end, or to `now` while it runs; `undefined` before it starts. */
export function runDuration(run: FullRun, now: number): number | undefined {
  const isCompleted = run.status === "completed";
  if (!isCompleted && run.status !== "in_progress") return undefined;
  const start = Date.parse(run.startedAt ?? run.createdAt);
  return Math.max(0, (isCompleted ? Date.parse(run.updatedAt) : now) - start);
}

/** Up to two units: `42s`, `3m 07s`, `2h 05m`, `4d 03h`. */
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

/** Replaces control and bidirectional characters: text from GitHub is untrusted and could move the cursor. */
export function sanitize(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, " ").trim();
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
