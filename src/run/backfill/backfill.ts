import type { Clock } from "../../clock.ts";
import { GitHubError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import { log } from "../../log.ts";
import {
  type BackfillJob,
  type BackfillProgress,
  type BackfillStore,
  floorToSecond,
  type HistoricalRunSource,
  isImported,
  type TimeRange,
} from "./backfill_progress.ts";
import {
  BackfillWindows,
  isNarrowest,
  isTooMany,
  MAX_LISTED_RUNS,
  type RangeEnd,
} from "./backfill_window.ts";

const SECOND_MS = 1_000;
/** The lag of GitHub's filtered lists: the latest imported runs are fetched again. */
const INDEX_LAG_MS = 10 * 60_000;
/** A list whose end GitHub never reports ends here. */
const MAX_PAGES = MAX_LISTED_RUNS / 100;
/** How many times a window with missing runs is read: pages shift when a run is deleted, and lists lag. */
const MAX_FETCHES = 3;

interface BackfillOptions {
  readonly source: HistoricalRunSource;
  readonly store: BackfillStore;
  readonly clock: Clock;
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  readonly onProgress?: (progress: BackfillProgress) => void;
}

/** The result of reading one window. */
interface WindowResult {
  /** GitHub's total for the window. */
  readonly total: number;
  readonly isComplete: boolean;
  /** The creation time of each run, in ms since the epoch, by ID. */
  readonly created: ReadonlyMap<number, number>;
}

/** Another process imports the same repository. */
export class ConcurrentBackfillError extends Error {
  override readonly name = "ConcurrentBackfillError";
}

/**
 * Imports the past runs of a repository, window by window: first the runs created since the previous backfill, oldest first, then
 * the earlier runs, newest first. The imported range has no gaps, so two times describe it. Progress is stored after each window,
 * and a restart repeats at most one window.
 */
export class Backfill {
  readonly #options: BackfillOptions;
  readonly #logger = log("backfill");
  #job: BackfillJob;

  constructor(job: BackfillJob, options: BackfillOptions) {
    this.#job = job;
    this.#options = options;
  }

  get progress(): BackfillProgress {
    return this.#job.progress;
  }

  /**
   * Runs until the state is `done`, or `failed` if the repository is not accessible.
   * @throws {GitHubError} if GitHub is unavailable or rejects the credential
   * @throws {StorageError}
   * @throws {ConcurrentBackfillError} if another process has changed the progress
   * @throws the reason of `signal` when it aborts
   */
  async run(signal: AbortSignal): Promise<BackfillProgress> {
    try {
      await this.#importNewer(signal);
      await this.#importOlder(signal);
      await this.#save({ state: "done", estimate: this.progress.runs });
    } catch (error) {
      const isNotAccessible = error instanceof GitHubError &&
        error.failure.kind === "not_accessible";
      if (!isNotAccessible) throw error;
      await this.#save({ state: "failed", reason: error.message });
    }
    return this.progress;
  }

  async #importNewer(signal: AbortSignal): Promise<void> {
    const now = floorToSecond(this.#options.clock.now()) + SECOND_MS;
    const { importedTo, since } = this.progress;
    if (now <= importedTo) return;
    const range = { from: Math.max(since, importedTo - INDEX_LAG_MS), to: now };
    await this.#importRange(range, { first: "oldest", signal });
  }

  async #importOlder(signal: AbortSignal): Promise<void> {
    const { since, importedFrom } = this.progress;
    await this.#importRange({ from: since, to: importedFrom }, { first: "newest", signal });
  }

  async #importRange(
    range: TimeRange,
    { first, signal }: { readonly first: RangeEnd; readonly signal: AbortSignal },
  ): Promise<void> {
    const windows = new BackfillWindows(range, first);
    let isFirst = true;
    for (let window; (window = windows.current);) {
      const result = await this.#fetchWindow(window, signal);
      if (isFirst) this.#updateEstimate(result.total, first);
      isFirst = false;
      if (result.isComplete) {
        await this.#saveWindow(window, result);
        windows.advance(result.total);
      } else windows.narrow(result.total);
    }
  }

  /** The first window covers the whole range, so its total counts all runs that are missing. */
  #updateEstimate(total: number, first: RangeEnd): void {
    const { runs, estimate } = this.progress;
    const counted = first === "newest" ? runs : estimate ?? runs;
    this.#report({ estimate: counted + total });
  }

  /** Reads all pages of a window, unless it has too many runs to list and can be narrowed. */
  async #fetchWindow(window: TimeRange, signal: AbortSignal): Promise<WindowResult> {
    const created = new Map<number, number>();
    let total = 0;
    for (let reads = 0; reads < MAX_FETCHES; reads++) {
      total = 0;
      let next: string | undefined;
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        const query = { range: window, next };
        const page = await this.#options.source.listCreated(this.#job.repository, query, signal);
        total = Math.max(total, page.total);
        if (isTooMany(total) && !isNarrowest(window)) return { total, isComplete: false, created };
        this.#options.onEvents(await this.#options.store.importRuns(page.runs));
        for (const run of page.runs) created.set(run.id, Date.parse(run.createdAt));
        next = page.next;
        if (next === undefined) break;
      }
      if (created.size >= Math.min(total, MAX_LISTED_RUNS)) break;
    }
    return { total, isComplete: true, created };
  }

  async #saveWindow(window: TimeRange, { created, total }: WindowResult): Promise<void> {
    const { progress } = this;
    const { from, to } = window;
    const added = [...created.values()].filter((ms) => !isImported(progress, ms)).length;
    const runs = progress.runs + added;
    await this.#save({
      importedFrom: Math.min(progress.importedFrom, from),
      importedTo: Math.max(progress.importedTo, to),
      runs,
      estimate: Math.max(progress.estimate ?? 0, runs),
      ...(created.size < total
        ? { reason: this.#reportMissing(window, { total, found: created.size }) }
        : {}),
    });
  }

  async #save(changes: Partial<BackfillProgress>): Promise<void> {
    const after = { ...this.progress, ...changes };
    if (!await this.#options.store.save(this.progress, after)) {
      throw new ConcurrentBackfillError(
        `Another Runwire process is importing ${this.#job.repository}`,
      );
    }
    this.#report(changes);
  }

  #report(changes: Partial<BackfillProgress>): void {
    this.#job = { ...this.#job, progress: { ...this.progress, ...changes } };
    this.#options.onProgress?.(this.progress);
  }

  /** Logs and returns how many runs are missing. */
  #reportMissing(
    { from, to }: TimeRange,
    { total, found }: { total: number; found: number },
  ): string {
    const [start, end] = [from, to].map((ms) => new Date(ms).toISOString());
    const reason =
      `GitHub lists only ${found} of the ${total} runs created from ${start} to ${end}`;
    this.#logger.warning("{repository}: {reason}", { repository: this.#job.repository, reason });
    return reason;
  }
}
