import type { GitHubError } from "../../../src/errors.ts";
import type {
  BackfillPage,
  HistoricalRunSource,
  TimeRange,
} from "../../../src/run/backfill/backfill_progress.ts";
import type { Run } from "../../../src/run/run.ts";
import { aRun } from "./github.ts";

const MAX_RESULTS = 1_000;
const PAGE_SIZE = 100;

/** A GitHub that lists the 1,000 newest runs of a time range, in pages of 100. */
export class FakeGitHubHistory implements HistoricalRunSource {
  readonly requests: TimeRange[] = [];
  runs: Run[];
  /** The errors of the next requests, in order; `undefined` lets a request pass. */
  failures: (GitHubError | undefined)[] = [];
  /** Called before each response. */
  onRequest = () => {};

  /** @param times the creation times of the runs, in ms since the epoch */
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
