import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError } from "../../../src/errors.ts";
import { Backfill, ConcurrentBackfillError } from "../../../src/run/backfill/backfill.ts";
import type { BackfillProgress } from "../../../src/run/backfill/backfill_progress.ts";
import { MemoryBackfillStore } from "../../fakes/stores/backfill_store.ts";
import { FakeGitHubHistory } from "../../fakes/stores/github_history.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOW = Date.UTC(2026, 5, 1);
const SINCE = NOW - 90 * DAY_MS;
const never = new AbortController().signal;

function setUp(times: readonly number[]) {
  const source = new FakeGitHubHistory(times);
  const store = new MemoryBackfillStore();
  const reported: BackfillProgress[] = [];
  return {
    past: source,
    store,
    shown: reported,
    /** As `runwire backfill` does it: from the stored progress to the end. */
    async run({ since = SINCE, signal = never } = {}): Promise<BackfillProgress> {
      const request = { repositoryId: 1, since, now: systemClock.now(), isBackground: false };
      const progress = await store.start(request);
      return await new Backfill({ progress, repository: "octo/a" }, {
        source,
        store,
        clock: systemClock,
        onEvents: () => {},
        onProgress: (each) => reported.push(each),
      }).run(signal);
    },
  };
}

/** The creation times of `count` consecutive runs that end at `end`. */
function evenly(count: number, { end, every }: { end: number; every: number }): number[] {
  return Array.from({ length: count }, (_, index) => end - (count - 1 - index) * every);
}

function importedIds({ store }: { store: MemoryBackfillStore }): number[] {
  return [...store.runs.keys()].sort((a, b) => a - b);
}

Deno.test("Backfill imports the runs created since the given time, and none before", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp([SINCE - SECOND_MS, SINCE, NOW - DAY_MS, NOW]);
  const progress = await test.run();
  assertEquals(importedIds(test), [2, 3, 4]);
  assertEquals(progress, {
    repositoryId: 1,
    since: SINCE,
    importedFrom: SINCE,
    importedTo: NOW + SECOND_MS,
    runs: 3,
    estimate: 3,
    state: "done",
    reason: null,
    isBackground: false,
  });
  assertEquals(test.past.requests.length, 1);
});

Deno.test("Backfill halves windows with more runs than GitHub lists, newest first", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp(evenly(5_000, { end: NOW, every: 20 * MINUTE_MS }));
  const { runs } = await test.run();
  assertEquals([runs, importedIds(test)], [5_000, test.past.ids]);
  // 50 pages, and a few windows that were too wide or not full.
  assert(test.past.requests.length < 65, `${test.past.requests.length} questions`);
});

Deno.test("Backfill estimates the number of runs before it imports any", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp(evenly(2_500, { end: NOW, every: 40 * MINUTE_MS }));
  await test.run();
  const [first] = test.shown;
  assertEquals([first?.runs, first?.estimate, first?.state], [0, 2_500, "running"]);
  const counts = test.shown.map(({ runs }) => runs);
  assertEquals(counts, counts.toSorted((a, b) => a - b));
});

Deno.test("Backfill imports the listed runs of a second with too many runs, and reports it", async () => {
  using _time = new FakeTime(NOW);
  const second = NOW - 3 * DAY_MS;
  const test = setUp([
    ...evenly(50, { end: second - DAY_MS, every: MINUTE_MS }),
    ...Array.from({ length: 1_200 }, () => second),
  ]);
  const { state, runs, reason } = await test.run();
  assertEquals([state, runs, importedIds(test).length], ["done", 1_050, 1_050]);
  assertEquals(
    reason,
    "GitHub lists only 1000 of the 1200 runs created from 2026-05-29T00:00:00.000Z to 2026-05-29T00:00:01.000Z",
  );
});

Deno.test("Backfill reads a window again when a run was deleted between two pages", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp(evenly(250, { end: NOW, every: MINUTE_MS }));
  // The newest run is on the first page, so the second page starts one run later.
  test.past.onRequest = () => {
    if (test.past.requests.length === 2) test.past.runs.pop();
  };
  const { reason } = await test.run();
  assertEquals([reason, importedIds(test).length], [null, 250]);
});

Deno.test("Backfill imports newer and older runs when it is requested again", async () => {
  using time = new FakeTime(NOW);
  const times = evenly(300, { end: NOW - MINUTE_MS, every: 12 * 60 * MINUTE_MS });
  const test = setUp(times);
  await test.run({ since: NOW - 30 * DAY_MS });
  time.tick(5 * DAY_MS);
  test.past.runs.push(
    ...new FakeGitHubHistory([NOW + DAY_MS]).runs.map((run) => ({ ...run, id: 301 })),
  );
  test.past.requests.length = 0;
  const { runs, state, since, importedTo } = await test.run({ since: NOW - 200 * DAY_MS });
  assertEquals([runs, state, importedIds(test).length], [301, "done", 301]);
  assertEquals([since, importedTo], [NOW - 200 * DAY_MS, NOW + 5 * DAY_MS + SECOND_MS]);
  // The last ten minutes are fetched again, because lists lag; the month before is not.
  assertEquals(test.past.requests[0]?.from, NOW + SECOND_MS - 10 * MINUTE_MS);
  assert(test.past.requests.slice(1).every(({ to }) => to <= NOW - 30 * DAY_MS));
});

Deno.test("Backfill starts again if there is a gap between the imported and the requested range", async () => {
  using time = new FakeTime(NOW);
  const test = setUp([NOW - DAY_MS]);
  await test.run();
  time.tick(40 * DAY_MS);
  test.past.requests.length = 0;
  await test.run({ since: NOW + 30 * DAY_MS });
  assertEquals(test.past.requests, [{
    from: NOW + 30 * DAY_MS,
    to: NOW + 40 * DAY_MS + SECOND_MS,
  }]);
});

Deno.test("Backfill fails with a reason if GitHub has no such repository", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp([NOW - DAY_MS]);
  test.past.failures = [new GitHubError({ kind: "not_accessible", status: 404 }, "Not Found")];
  const { state, reason } = await test.run();
  assertEquals([state, reason], ["failed", "Not Found"]);
  assertEquals((await test.store.find(1))?.state, "failed");
  assertEquals((await test.run()).state, "done");
});

Deno.test("Backfill ends when another process imports the same repository", async () => {
  using _time = new FakeTime(NOW);
  const test = setUp(evenly(2_000, { end: NOW, every: MINUTE_MS }));
  test.past.onRequest = () => {
    const stored = test.store.progress.get(1);
    if (stored && stored.runs > 0) {
      void test.store.save(stored, { ...stored, importedFrom: SINCE });
    }
  };
  await assertRejects(() => test.run(), ConcurrentBackfillError, "octo/a");
});

class Killed extends Error {}

Deno.test("Backfill continues where it was killed, and imports all runs", async () => {
  using _time = new FakeTime(NOW);
  const times = [
    ...evenly(700, { end: NOW - 40 * DAY_MS, every: 37 * MINUTE_MS }),
    ...evenly(900, { end: NOW - DAY_MS, every: 3 * SECOND_MS }),
  ];
  for (let step = 1;; step++) {
    const test = setUp(times);
    let steps = 0;
    const kill = () => {
      if (++steps === step) throw new Killed();
    };
    test.past.onRequest = test.store.onWrite = kill;
    const killed = await test.run().then(() => undefined, (error) => error);
    if (killed !== undefined) assert(killed instanceof Killed, `${killed}`);
    test.past.onRequest = test.store.onWrite = () => {};
    const before = test.store.progress.get(1)?.runs ?? 0;
    const { runs } = await test.run();
    assertEquals([runs, importedIds(test)], [1_600, test.past.ids], `killed at step ${step}`);
    assert(before <= runs);
    if (killed === undefined) break;
  }
});

Deno.test("Backfill imports every run once for any distribution of runs, across crashes", async () => {
  using _time = new FakeTime(NOW);
  const burst = fc.record({
    at: fc.integer({ min: 0, max: 90 * 24 * 3_600 }),
    count: fc.integer({ min: 1, max: 2_500 }),
    /** Thousands of runs in a minute, or in an hour. */
    within: fc.constantFrom(10, 60, 3_600, 500_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(burst, { maxLength: 4 }), fc.nat(200), async (bursts, step) => {
      const times = bursts.flatMap(({ at, count, within }) =>
        Array.from({ length: count }, (_, index) => {
          const second = Math.min(90 * 24 * 3_600, at + Math.floor(within * index / count));
          return SINCE + second * SECOND_MS;
        })
      ).sort((a, b) => a - b);
      const perSecond = new Map<number, number>();
      for (const ms of times) perSecond.set(ms, (perSecond.get(ms) ?? 0) + 1);
      fc.pre([...perSecond.values()].every((count) => count <= 1_000));
      const test = setUp(times);
      let steps = 0;
      test.past.onRequest = () => {
        if (++steps === step) throw new Killed();
      };
      const progress = await test.run().catch(() => test.run());
      assertEquals(importedIds(test), test.past.ids);
      assertEquals([progress.state, progress.runs], ["done", times.length]);
      // Each window that is too wide is requested once, and then halved.
      assert(test.past.requests.length < times.length / 50 + 50 * (bursts.length + 1));
    }),
    { numRuns: 40 },
  );
});
