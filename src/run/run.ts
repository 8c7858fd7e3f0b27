import type { StoredEvent } from "../feed/event.ts";

/**
 * One workflow run, in our words. Times are RFC 3339, as GitHub writes them. `status`, `conclusion` and
 * `event` hold whatever GitHub says: it adds values without a new API version.
 */
export interface Run {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly workflowId: number;
  readonly workflowName: string;
  readonly displayTitle: string;
  readonly event: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly branch: string | null;
  readonly headSha: string;
  /** The login. */
  readonly actor: string | null;
  readonly runNumber: number;
  readonly runAttempt: number;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly updatedAt: string;
  readonly htmlUrl: string;
  /** How we heard of this state. */
  readonly source: "webhook" | "poll";
}

/** Where runs come from: GitHub. */
export interface RunSource {
  /**
   * The `count` latest runs of a repository, newest first.
   * @throws {RefusedError} when GitHub refuses
   */
  latest(repository: string, count: number, signal: AbortSignal): Promise<readonly Run[]>;
  /**
   * One run by its id, exact where lists lag; `undefined` when GitHub knows no such run (any more).
   * @throws {RefusedError} when GitHub refuses
   */
  byId(repository: string, id: number, signal: AbortSignal): Promise<Run | undefined>;
}

/** Where runs are kept. Every write goes through `merge`, so that no reader sees a run go backwards. */
export interface RunStore {
  /** Merges each run into what is kept. Returns the events that tell what has changed, kept in the same transaction. */
  put(runs: readonly Run[]): Promise<readonly StoredEvent[]>;
  /** The `count` latest created runs of a repository, newest first. */
  latest(repository: string, count: number): Promise<readonly Run[]>;
  /** Runs that have not completed and were last updated before `before` (ms since the epoch), the longest waiting first. */
  listUnfinished(before: number, limit: number): Promise<readonly Run[]>;
  remove(id: number): Promise<void>;
}

/**
 * Which of two states of one run is later. GitHub's lists are served from lagging indexes and webhooks
 * arrive out of order, so arrival says nothing: the higher `runAttempt` wins, then the later `updatedAt`;
 * on a tie `completed` wins, otherwise webhook over poll. States that still tie (GitHub counts in seconds)
 * are put in a fixed order, in which a started run is later than one that waits, so that any order of arrival
 * ends in the same run (docs/decisions/merge.md).
 */
export function merge(old: Run, next: Run): Run {
  return compareStates(next, old) > 0 ? next : old;
}

/** Positive when `a` is the later state, 0 when nothing tells the two apart. */
export function compareStates(a: Run, b: Run): number {
  return a.runAttempt - b.runAttempt ||
    Date.parse(a.updatedAt) - Date.parse(b.updatedAt) ||
    Number(a.status === "completed") - Number(b.status === "completed") ||
    Number(a.source === "webhook") - Number(b.source === "webhook") ||
    Number(a.status === "in_progress") - Number(b.status === "in_progress") ||
    compareText(canonical(a), canonical(b));
}

/** Newest first by creation; the higher id breaks a tie. */
export function newestFirst(a: Run, b: Run): number {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || b.id - a.id;
}

/** Whether two states of a run look the same to a client, however we heard of them. */
export function isSameState(a: Run, b: Run): boolean {
  return canonical({ ...a, source: "poll" }) === canonical({ ...b, source: "poll" });
}

function canonical(run: Run): string {
  return JSON.stringify(Object.entries(run).sort(([a], [b]) => compareText(a, b)));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
