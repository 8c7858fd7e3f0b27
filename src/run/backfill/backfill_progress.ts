import type { StoredEvent } from "../../feed/event.ts";
import type { BackfillState } from "../../repository/catalog.ts";
import type { Run } from "../run.ts";

const SECOND_MS = 1_000;

/** A stretch of time in whole seconds, in ms since the epoch: `from` is in it, `to` is not. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * How far a backfill has come: all runs that were created from `reached` on and before `until` are in. Times in ms since the
 * epoch, of whole seconds.
 */
export interface BackfillProgress extends BackfillState {
  readonly repositoryId: number;
  readonly importedTo: number;
  /** Whether it goes on by itself wherever Runwire serves; otherwise a command is at it. */
  readonly isBackground: boolean;
}

/** A backfill that is under way. */
export interface BackfillJob {
  readonly progress: BackfillProgress;
  /** `owner/name` */
  readonly repository: string;
}

/** One page of the runs that were created in a span of time. */
export interface BackfillPage {
  /** How many there are in the whole span, however many can be listed. */
  readonly total: number;
  readonly runs: readonly Run[];
  /** Leads to the next page; `undefined` on the last. */
  readonly next: string | undefined;
}

/** Where the runs of the past come from: GitHub. */
export interface HistoricalRunSource {
  /**
   * The runs that were created in `span`, or the page of them that `next` leads to.
   * @throws {RefusedError} when GitHub refuses
   */
  listCreated(
    repository: string,
    query: { readonly range: TimeRange; readonly next?: string | undefined },
    signal: AbortSignal,
  ): Promise<BackfillPage>;
}

/** What is asked for at `now`: the runs since `since`. In ms since the epoch. */
export interface BackfillRequest
  extends Pick<BackfillProgress, "repositoryId" | "since" | "isBackground"> {
  readonly now: number;
}

/** Where progress and the runs of the past are kept. All throw StorageError. */
export interface BackfillStore {
  /** Asks for the past of a repository that is known; `begin` says what is to be done. */
  start(request: BackfillRequest): Promise<BackfillProgress>;
  find(repositoryId: number): Promise<BackfillProgress | undefined>;
  /** What is under way in the background, of repositories that are not gone; what has waited longest comes first. */
  listRunning(): Promise<readonly BackfillJob[]>;
  /** Replaces `before`, unless it is no longer what is kept: then another one is at work, and the answer is false. */
  save(before: BackfillProgress, after: BackfillProgress): Promise<boolean>;
  /** Ends what is under way in a repository, for `reason`. */
  stop(repositoryId: number, reason: string): Promise<void>;
  /**
   * Merges runs into what is kept. Returns the events that tell what has changed, kept with the change; a run that
   * was unknown and has long been over is history and not news: it is told to nobody.
   */
  importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]>;
}

/**
 * What is to be done for what is asked. What was brought in before need not be brought in again, unless there is a gap
 * between it and what is asked for.
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

/** Whether a run that was created at `ms` since the epoch is in already. */
export function isImported({ importedFrom, importedTo }: BackfillProgress, ms: number): boolean {
  return ms >= importedFrom && ms < importedTo;
}

/** The last whole second before or at `ms` since the epoch: GitHub counts in seconds. */
export function floorToSecond(ms: number): number {
  return Math.floor(ms / SECOND_MS) * SECOND_MS;
}
