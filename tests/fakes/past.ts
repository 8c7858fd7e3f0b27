import type { RefusedError } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import {
  type BackfillRequest,
  type BackfillJob,
  type BackfillStore,
  startProgress,
  type BackfillPage,
  type HistoricalRunSource,
  type BackfillProgress,
  type TimeRange,
} from "../../src/run/backfill/backfill_progress.ts";
import type { Run } from "../../src/run/run.ts";
import { aRun } from "./github.ts";

const CAP = 1_000;
const PAGE = 100;

/** A GitHub with a past, which lists the 1,000 newest runs of a span, by pages of 100. */
export class FakePast implements HistoricalRunSource {
  readonly asked: TimeRange[] = [];
  runs: Run[];
  /** What the next questions are refused with, in order; `undefined` lets one pass. */
  refusals: (RefusedError | undefined)[] = [];
  /** Called before each answer. */
  onAsked = () => {};

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
    { span, next }: { readonly span: TimeRange; readonly next?: string | undefined },
    signal: AbortSignal,
  ): Promise<BackfillPage> {
    signal.throwIfAborted();
    this.asked.push(span);
    this.onAsked();
    const refusal = this.refusals.shift();
    if (refusal) return Promise.reject(refusal);
    const [from, to] = [span.from, span.to].map((ms) => new Date(ms).toISOString());
    const isIn = (createdAt: string) => createdAt >= `${from}` && createdAt < `${to}`;
    const all = this.runs.filter(({ createdAt }) => isIn(createdAt)).toReversed();
    const start = Number(next ?? 0);
    const end = Math.min(start + PAGE, CAP);
    return Promise.resolve({
      total: all.length,
      runs: all.slice(start, end),
      next: end < Math.min(all.length, CAP) ? String(end) : undefined,
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

  start(asked: BackfillRequest): Promise<BackfillProgress> {
    this.onWrite("start");
    const progress = startProgress(this.progress.get(asked.repositoryId), asked);
    this.progress.set(asked.repositoryId, progress);
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
    const key = ({ state, since, importedFrom: reached, importedTo: until, isBackground }: BackfillProgress) =>
      [state, since, reached, until, isBackground].join();
    const kept = this.progress.get(before.repositoryId);
    if (!kept || key(kept) !== key(before)) return Promise.resolve(false);
    this.progress.delete(before.repositoryId);
    this.progress.set(before.repositoryId, after);
    return Promise.resolve(true);
  }

  stop(repositoryId: number, reason: string): Promise<void> {
    this.onWrite("stop");
    const kept = this.progress.get(repositoryId);
    if (kept?.state === "running") {
      this.progress.set(repositoryId, { ...kept, state: "failed", reason });
    }
    return Promise.resolve();
  }

  importRuns(runs: readonly Run[]): Promise<readonly StoredEvent[]> {
    this.onWrite("bring");
    for (const run of runs) this.runs.set(run.id, run);
    return Promise.resolve([]);
  }
}
