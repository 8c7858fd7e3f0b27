import type { RunData, StoredEvent } from "../feed/event.ts";

/** The fields of a run. The values are their names in events and in the database. */
export const RUN_FIELDS = {
  id: "id",
  repository: "repository",
  workflowId: "workflow_id",
  workflowName: "workflow_name",
  displayTitle: "display_title",
  event: "event",
  status: "status",
  conclusion: "conclusion",
  branch: "branch",
  headSha: "head_sha",
  actor: "actor",
  runNumber: "run_number",
  runAttempt: "run_attempt",
  createdAt: "created_at",
  startedAt: "started_at",
  updatedAt: "updated_at",
  htmlUrl: "html_url",
} as const satisfies Record<string, keyof RunData>;

type RunFields = {
  readonly [Field in keyof typeof RUN_FIELDS]: RunData[(typeof RUN_FIELDS)[Field]];
};

/** The state of a workflow run; RunData describes the fields. */
export interface Run extends RunFields {
  /** How this state was received. */
  readonly source: "webhook" | "poll";
}

/** Fetches runs from GitHub. */
export interface RunSource {
  /**
   * Returns the `count` latest runs of a repository, newest first.
   * @throws {GitHubError}
   */
  latest(repository: string, count: number, signal: AbortSignal): Promise<readonly Run[]>;
  /**
   * Returns a run by its id, up to date even when lists lag; `undefined` if it does not exist or was deleted.
   * @throws {GitHubError}
   */
  byId(repository: string, id: number, signal: AbortSignal): Promise<Run | undefined>;
}

/** Stores runs. Every write uses `merge`, so that no reader sees a run move backwards. All methods throw StorageError. */
export interface RunStore {
  /** Merges runs into the stored ones. Returns the events of the changes, which are stored in the same transaction. */
  put(runs: readonly Run[]): Promise<readonly StoredEvent[]>;
  /** Returns the `count` latest created runs of a repository, newest first. */
  latest(repository: string, count: number): Promise<readonly Run[]>;
  /** Returns unfinished runs last updated before `before` (ms since the epoch), the oldest update first. */
  listUnfinished(before: number, limit: number): Promise<readonly Run[]>;
  remove(id: number): Promise<void>;
}

/**
 * Returns the later of two states of a run. GitHub's lists come from lagging indexes and webhooks arrive out of order, so the
 * order of arrival is meaningless: the higher `runAttempt` wins, then the later `updatedAt`, then `completed`, then webhook
 * over poll. States that still tie (GitHub's times are in seconds) have a fixed order, in which a started run is later than a
 * queued one, so that every order of arrival ends in the same state (docs/decisions/merge.md).
 */
export function merge(old: Run, next: Run): Run {
  return compareStates(next, old) > 0 ? next : old;
}

/** Positive if `a` is the later state, 0 if the states are equal. */
export function compareStates(a: Run, b: Run): number {
  return a.runAttempt - b.runAttempt ||
    Date.parse(a.updatedAt) - Date.parse(b.updatedAt) ||
    Number(a.status === "completed") - Number(b.status === "completed") ||
    Number(a.source === "webhook") - Number(b.source === "webhook") ||
    Number(a.status === "in_progress") - Number(b.status === "in_progress") ||
    compareText(canonical(a), canonical(b));
}

/** Orders runs by creation, newest first; the higher id breaks a tie. */
export function newestFirst(a: Run, b: Run): number {
  return Date.parse(b.createdAt) - Date.parse(a.createdAt) || b.id - a.id;
}

/** Whether two states of a run are equal for clients: the source does not count. */
export function isSameState(a: Run, b: Run): boolean {
  return canonical({ ...a, source: "poll" }) === canonical({ ...b, source: "poll" });
}

function canonical(run: Run): string {
  return JSON.stringify(Object.entries(run).sort(([a], [b]) => compareText(a, b)));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
