import type { StoredEvent } from "../../feed/event.ts";
import type { BackfillState } from "../../repository/catalog.ts";
import type { Run } from "../run.ts";

const SECOND_MS = 1_000;

/** A range of whole seconds, in ms since the epoch. Includes `from`, excludes `to`. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The progress of a backfill: all runs created in [`importedFrom`, `importedTo`) are imported. Times are whole seconds, in ms since
 * the epoch.
 */
export interface BackfillProgress extends BackfillState {
  readonly repositoryId: number;
  readonly importedTo: number;
  /** Whether the server continues it; otherwise a command does. */
  readonly isBackground: boolean;
}

/** A backfill in progress. */
export interface BackfillJob {
  readonly progress: BackfillProgress;
  /** `owner/name` */
  readonly repository: string;
}

/** One page of the runs created in a range. */
export interface BackfillPage {
  /** All runs of the range; GitHub may list fewer. */
  readonly total: number;
  readonly runs: readonly Run[];
  /** The next page; `undefined` on the last. */
  readonly next: string | undefined;
}

/** The source of past runs: GitHub. */
export interface HistoricalRunSource {
  /**
   * Returns the runs created in `range`: the first page, or the page `next`.
   * @throws {GitHubError} if GitHub refuses
   */
  listCreated(
    repository: string,
    query: { readonly range: TimeRange; readonly next?: string | undefined },
    signal: AbortSignal,
  ): Promise<BackfillPage>;
}

/** A request at `now` for the runs since `since`, in ms since the epoch. */
export interface BackfillRequest
  extends Pick<BackfillProgress, "repositoryId" | "since" | "isBackground"> {
  readonly now: number;
}

/** Stores past runs and the progress of backfills. All methods throw StorageError. */
export interface BackfillStore {
  /** Starts a backfill of a stored repository, with the progress of `startProgress`. */
  start(request: BackfillRequest): Promise<BackfillProgress>;
  find(repositoryId: number): Promise<BackfillProgress | undefined>;
  /** Lists the background backfills in progress, of repositories that still exist; the least recently updated first. */
  listRunning(): Promise<readonly BackfillJob[]>;
  /** Replaces the progress `before`. Returns `false` if another process has changed it. */
  save(before: BackfillProgress, after: BackfillProgress): Promise<boolean>;
  /** Ends the backfill of a repository with a reason. */
  stop(repositoryId: number, reason: string): Promise<void>;
  /**
   * Merges runs into the stored ones. Returns the events of the changes, which it stores in the same transaction. Unknown
   * runs that ended long ago have no events.
   */
  importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]>;
}

/**
 * The progress that a new request starts with. It keeps the range that is imported already, unless there is a gap between that
 * and the requested range.
 */
export function startProgress(
  previous: BackfillProgress | undefined,
  { repositoryId, since, now, isBackground }: BackfillRequest,
): BackfillProgress {
  const from = floorToSecond(since);
  const requested = { since: from, state: "running", reason: null, isBackground } as const;
  if (previous && from <= previous.importedTo) return { ...previous, ...requested };
  const importedTo = floorToSecond(now) + SECOND_MS;
  return {
    repositoryId,
    ...requested,
    importedFrom: importedTo,
    importedTo,
    runs: 0,
    estimate: null,
  };
}

/** Whether a run created at `ms` since the epoch is imported already. */
export function isImported({ importedFrom, importedTo }: BackfillProgress, ms: number): boolean {
  return ms >= importedFrom && ms < importedTo;
}

/** The last whole second at or before `ms`: GitHub counts in seconds. */
export function floorToSecond(ms: number): number {
  return Math.floor(ms / SECOND_MS) * SECOND_MS;
}
