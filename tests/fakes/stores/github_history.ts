import type { GitHubError } from "../../../src/errors.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import {
  type BackfillJob,
  type BackfillPage,
  type BackfillProgress,
  type BackfillRequest,
  type BackfillStore,
  type HistoricalRunSource,
  startProgress,
  type TimeRange,
} from "../../../src/run/backfill/backfill_progress.ts";
import type { Run } from "../../../src/run/run.ts";
import { aRun } from "./github.ts";

const MAX_RESULTS = 1_000;
const PAGE_SIZE = 100;

/** A GitHub with a past, which lists the 1,000 newest runs of a span, by pages of 100. */
export class FakeGitHubHistory implements HistoricalRunSource {
  readonly requests: TimeRange[] = [];
  runs: Run[];
  /** What the next questions are refused with, in order; `undefined` lets one pass. */
  failures: (GitHubError | undefined)[] = [];
  /** Called before each answer. */
  onRequest = () => {};

  /** Runs that were created at `times`, in ms since the epoch. */
  constructor(times: readonly number[]) {
    this.runs = times.map((ms, index) =>
      aRun({ id: index + 1, status: "completed", createdAt: new Date(ms).toISOString() })
    );
  }

  get ids(): number[] {
    return this.runs.map(({ id }) => id);
  }

  listCreated(
    _repository: string,
    { range, next }: { readonly range: TimeRange; readonly next?: string | undefined },
    signal: AbortSignal,
  ): Promise<BackfillPage> {
    signal.throwIfAborted();
    this.requests.push(range);
    this.onRequest();
    const failure = this.failures.shift();
    if (failure) return Promise.reject(failure);
    const [from, to] = [range.from, range.to].map((ms) => new Date(ms).toISOString());
    const isInRange = (createdAt: string) => createdAt >= `${from}` && createdAt < `${to}`;
    const all = this.runs.filter(({ createdAt }) => isInRange(createdAt)).toReversed();
    const start = Number(next ?? 0);
    const end = Math.min(start + PAGE_SIZE, MAX_RESULTS);
    return Promise.resolve({
      total: all.length,
      runs: all.slice(start, end),
      next: end < Math.min(all.length, MAX_RESULTS) ? String(end) : undefined,
    });
  }
}

/** Progress and runs in memory. */
export class MemoryBackfillStore implements BackfillStore {
  readonly runs = new Map<number, Run>();
  readonly progress = new Map<number, BackfillProgress>();
  readonly names = new Map([[1, "octo/a"], [2, "octo/b"]]);
  /** Called with each change before it is made. */
  onWrite = (_what: "start" | "save" | "bring" | "stop") => {};

  start(request: BackfillRequest): Promise<BackfillProgress> {
    this.onWrite("start");
    const progress = startProgress(this.progress.get(request.repositoryId), request);
    this.progress.set(request.repositoryId, progress);
    return Promise.resolve(progress);
  }

  find(repositoryId: number): Promise<BackfillProgress | undefined> {
    return Promise.resolve(this.progress.get(repositoryId));
  }

  listRunning(): Promise<readonly BackfillJob[]> {
    const running = [...this.progress.values()].filter(({ state, isBackground }) =>
      state === "running" && isBackground
    );
    return Promise.resolve(running.map((progress) => ({
      progress,
      repository: this.names.get(progress.repositoryId) ?? "",
    })));
  }

  save(before: BackfillProgress, after: BackfillProgress): Promise<boolean> {
    this.onWrite("save");
    const key = (
      { state, since, importedFrom: reached, importedTo: until, isBackground }: BackfillProgress,
    ) => [state, since, reached, until, isBackground].join();
    const stored = this.progress.get(before.repositoryId);
    if (!stored || key(stored) !== key(before)) return Promise.resolve(false);
    this.progress.delete(before.repositoryId);
    this.progress.set(before.repositoryId, after);
    return Promise.resolve(true);
  }

  stop(repositoryId: number, reason: string): Promise<void> {
    this.onWrite("stop");
    const stored = this.progress.get(repositoryId);
    if (stored?.state === "running") {
      this.progress.set(repositoryId, { ...stored, state: "failed", reason });
    }
    return Promise.resolve();
  }

  importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    this.onWrite("bring");
    for (const run of runs) this.runs.set(run.id, run);
    return Promise.resolve([]);
  }
}
