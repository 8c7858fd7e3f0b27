import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { type Refusal, RefusedError, StorageError } from "../../src/errors.ts";
import type { Job } from "../../src/run/history.ts";
import { type AttemptId, JobCollector } from "../../src/run/jobs.ts";
import { aJob } from "../fakes/job.ts";

const MINUTE_MS = 60_000;
const NOW = "2026-01-03T00:00:00Z";

function attempts(count: number, first = 1): AttemptId[] {
  return Array.from({ length: count }, (_, at) => ({
    id: first + at,
    repository: "octo/a",
    runAttempt: 1,
  }));
}

function setUp(lacking: readonly AttemptId[]) {
  const test = {
    lacking,
    spans: [] as unknown[],
    asked: [] as number[],
    kept: [] as Job[],
    refused: [] as RefusedError[],
    refusals: new Map<number, Refusal>(),
    mayAsk: () => true,
    fault: undefined as StorageError | undefined,
    signal: new AbortController(),
  };
  const collector = new JobCollector({
    clock: systemClock,
    source: {
      ofAttempt({ id }) {
        test.asked.push(id);
        const refusal = test.refusals.get(id);
        if (refusal) return Promise.reject(new RefusedError(refusal, `GitHub refused ${id}`));
        return Promise.resolve([aJob({ id, runId: id })]);
      },
    },
    store: {
      put(jobs) {
        test.kept.push(...jobs);
        return Promise.resolve();
      },
      without(span) {
        test.spans.push(span);
        return test.fault ? Promise.reject(test.fault) : Promise.resolve(test.lacking);
      },
    },
    mayAsk: () => test.mayAsk(),
    onRefused: (error) => test.refused.push(error),
  });
  return { test, collector, round: () => collector.round(test.signal.signal) };
}

Deno.test("JobCollector asks for the jobs of twenty runs a round, of each once", async () => {
  using time = new FakeTime(NOW);
  const { test, collector } = setUp(attempts(25));
  const running = collector.run(test.signal.signal);
  await time.tickAsync(MINUTE_MS - 1);
  assertEquals(test.asked, []);
  await time.tickAsync(1);
  assertEquals(test.asked.length, 20);
  await time.tickAsync(3 * MINUTE_MS);
  assertEquals(test.asked, attempts(25).map(({ id }) => id));
  assertEquals(test.kept.map(({ runId }) => runId), test.asked);
  test.signal.abort();
  await running;
});

Deno.test("JobCollector looks at runs of the last day that ended a minute ago", async () => {
  using _time = new FakeTime(NOW);
  const { test, round } = setUp([]);
  await round();
  const now = Date.parse(NOW);
  assertEquals(test.spans, [
    { from: now - 24 * 60 * MINUTE_MS, before: now - MINUTE_MS, among: 2_000 },
  ]);
});

Deno.test("JobCollector asks again when a run had another attempt", async () => {
  const { test, round } = setUp(attempts(1));
  await round();
  test.lacking = [{ id: 1, repository: "octo/a", runAttempt: 2 }];
  await round();
  assertEquals(test.asked, [1, 1]);
});

Deno.test("JobCollector asks for nothing, and reads nothing, while GitHub may not be asked", async () => {
  const { test, round } = setUp(attempts(5));
  test.mayAsk = () => false;
  await round();
  assertEquals([test.asked, test.spans], [[], []]);
  test.mayAsk = () => test.asked.length < 2;
  await round();
  assertEquals(test.asked, [1, 2]);
});

Deno.test("JobCollector passes over a run whose jobs cannot be had", async () => {
  const { test, round } = setUp(attempts(3));
  test.refusals.set(1, { kind: "missing", status: 404 });
  await round();
  await round();
  assertEquals(test.asked, [1, 2, 3]);
  assertEquals(test.refused, []);
});

Deno.test("JobCollector ends a round that is limited, hands it on, and asks again later", async () => {
  const { test, round } = setUp(attempts(3));
  test.refusals.set(2, { kind: "limited", retryAt: 0 });
  await round();
  assertEquals(test.asked, [1, 2]);
  assertEquals(test.refused.map((error) => error.refusal.kind), ["limited"]);
  test.refusals.clear();
  await round();
  assertEquals(test.asked, [1, 2, 2, 3]);
});

Deno.test("JobCollector is not held up for ever by an answer that GitHub cannot give", async () => {
  const { test, round } = setUp(attempts(2));
  test.refusals.set(1, { kind: "unavailable" });
  await round();
  assertEquals(test.asked, [1]);
  await round();
  assertEquals([test.asked, test.refused], [[1, 2], []]);
});

Deno.test("JobCollector goes on when the store was away", async () => {
  const { test, round } = setUp(attempts(1));
  test.fault = new StorageError("unavailable", "The database is away");
  await round();
  test.fault = undefined;
  await round();
  assertEquals(test.asked, [1]);
});
