import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import {
  GitHubError,
  type GitHubFailure,
  GitHubPausedError,
  StorageError,
} from "../../../src/errors.ts";
import type { Job } from "../../../src/run/history.ts";
import { type AttemptId, JobCollector } from "../../../src/run/polling/job_collector.ts";
import { aJob } from "../../fakes/fixtures/job.ts";

const MINUTE_MS = 60_000;
const NOW = "2026-01-03T00:00:00Z";
const PAUSED = new GitHubPausedError(0, { kind: "rate_limited" }, "GitHub answered 429");

function attempts(count: number, first = 1): AttemptId[] {
  return Array.from({ length: count }, (_, at) => ({
    id: first + at,
    repository: "octo/a",
    runAttempt: 1,
  }));
}

function setUp(candidates: readonly AttemptId[]) {
  const test = {
    missing: candidates,
    ranges: [] as unknown[],
    requested: [] as number[],
    stored: [] as Job[],
    failures: new Map<number, GitHubFailure>(),
    isNeeded: true,
    isPaused: () => false,
    storageError: undefined as StorageError | undefined,
    signal: new AbortController(),
  };
  const collector = new JobCollector({
    clock: systemClock,
    source: {
      listForAttempt({ id }) {
        if (test.isPaused()) return Promise.reject(PAUSED);
        test.requested.push(id);
        const failure = test.failures.get(id);
        if (failure) return Promise.reject(new GitHubError(failure, `GitHub refused ${id}`));
        return Promise.resolve([aJob({ id, runId: id })]);
      },
    },
    store: {
      put(jobs) {
        test.stored.push(...jobs);
        return Promise.resolve();
      },
      listMissing(span) {
        test.ranges.push(span);
        return test.storageError
          ? Promise.reject(test.storageError)
          : Promise.resolve(test.missing);
      },
    },
    isNeeded: () => test.isNeeded,
  });
  return { test, collector, runOnce: () => collector.runOnce(test.signal.signal) };
}

Deno.test("JobCollector fetches the jobs of twenty runs per round, each run once", async () => {
  using time = new FakeTime(NOW);
  const { test, collector } = setUp(attempts(25));
  const running = collector.run(test.signal.signal);
  await time.tickAsync(MINUTE_MS - 1);
  assertEquals(test.requested, []);
  await time.tickAsync(1);
  assertEquals(test.requested.length, 20);
  await time.tickAsync(3 * MINUTE_MS);
  assertEquals(test.requested, attempts(25).map(({ id }) => id));
  assertEquals(test.stored.map(({ runId }) => runId), test.requested);
  test.signal.abort();
  await running;
});

Deno.test("JobCollector considers runs of the last day that ended at least a minute ago", async () => {
  using _time = new FakeTime(NOW);
  const { test, runOnce } = setUp([]);
  await runOnce();
  const now = Date.parse(NOW);
  assertEquals(test.ranges, [
    { from: now - 24 * 60 * MINUTE_MS, before: now - MINUTE_MS, among: 2_000 },
  ]);
});

Deno.test("JobCollector fetches the jobs of a new attempt", async () => {
  const { test, runOnce } = setUp(attempts(1));
  await runOnce();
  test.missing = [{ id: 1, repository: "octo/a", runAttempt: 2 }];
  await runOnce();
  assertEquals(test.requested, [1, 1]);
});

Deno.test("JobCollector sends no requests, and reads nothing, while nothing depends on them", async () => {
  const { test, runOnce } = setUp(attempts(5));
  test.isNeeded = false;
  await runOnce();
  assertEquals([test.requested, test.ranges], [[], []]);
});

Deno.test("JobCollector ends its round when GitHub is paused, and continues with the same run", async () => {
  const { test, runOnce } = setUp(attempts(3));
  test.isPaused = () => test.requested.length === 2;
  await runOnce();
  assertEquals(test.requested, [1, 2]);
  test.isPaused = () => false;
  await runOnce();
  assertEquals(test.requested, [1, 2, 3]);
});

Deno.test("JobCollector skips a run whose jobs are not accessible", async () => {
  const { test, runOnce } = setUp(attempts(3));
  test.failures.set(1, { kind: "not_accessible", status: 404 });
  await runOnce();
  await runOnce();
  assertEquals(test.requested, [1, 2, 3]);
});

Deno.test("JobCollector ends its round at a rate limit, and sends the request again later", async () => {
  const { test, runOnce } = setUp(attempts(3));
  test.failures.set(2, { kind: "rate_limited", retryAt: 0 });
  await runOnce();
  assertEquals(test.requested, [1, 2]);
  test.failures.clear();
  await runOnce();
  assertEquals(test.requested, [1, 2, 2, 3]);
});

Deno.test("JobCollector skips a run for which GitHub is unavailable", async () => {
  const { test, runOnce } = setUp(attempts(2));
  test.failures.set(1, { kind: "unavailable" });
  await runOnce();
  assertEquals(test.requested, [1]);
  await runOnce();
  assertEquals(test.requested, [1, 2]);
});

Deno.test("JobCollector continues after a storage failure", async () => {
  const { test, runOnce } = setUp(attempts(1));
  test.storageError = new StorageError("unavailable", "The database is unavailable");
  await runOnce();
  test.storageError = undefined;
  await runOnce();
  assertEquals(test.requested, [1]);
});
