import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock as clock } from "../../src/clock.ts";
import type { RunEvent, StoredEvent } from "../../src/feed/event.ts";
import { toRunEvent } from "../../src/run/event.ts";
import { compareStates, merge, type Run } from "../../src/run/run.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { RunBatch } from "../../src/sql/run/run_batch.ts";
import { mergeRuns, SqlRunStore } from "../../src/sql/run/run.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

/** States of one run, often equal in some of the fields that `merge` compares. */
const state: fc.Arbitrary<Run> = fc.record({
  status: fc.constantFrom("queued", "in_progress", "completed", "new_to_us", null),
  conclusion: fc.constantFrom("success", null),
  runAttempt: fc.integer({ min: 1, max: 2 }),
  updatedAt: fc.constantFrom(
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2026-01-01T00:00:01Z",
  ),
  source: fc.constantFrom("poll", "webhook"),
}).map((fields) => aRun(fields));
const states = fc.array(state, { minLength: 1, maxLength: 8 });

/** Each check of a property uses its own runs. */
let lastId = 20_000_000_000;

function withOneId(list: readonly Run[]): Run[] {
  const id = ++lastId;
  return list.map((run) => ({ ...run, id, repository: `octo/${id}` }));
}

/** The events without number and time. */
function eventBodies(events: readonly StoredEvent[]): unknown[] {
  return events.map(({ type, repository, data }) => ({ type, repository, data }));
}

testOverDatabases("RunStore.put() stores a run unchanged", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  const run = aRun({
    id: 20_123_456_789,
    createdAt: "2026-01-01T01:00:00.000+01:00",
    startedAt: "2026-01-01T00:00:01.5Z",
    displayTitle: `Quote ' " \\ and 🚀`,
    status: null,
    actor: null,
    branch: null,
  });
  await store.put([run]);
  assertEquals(await store.latest(run.repository, 1), [run]);
});

testOverDatabases("RunStore.put() emits one event for a new run", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  const run = aRun();
  assertEquals(eventBodies(await store.put([run])), [toRunEvent(run)]);
  assertEquals(await store.put([run]), []);
  assertEquals(await store.put([]), []);
});

testOverDatabases("RunStore.put() stores an equal state without an event", async (
  { database },
) => {
  const store = new SqlRunStore(database, clock);
  await store.put([aRun({ source: "poll" })]);
  const fromWebhook = aRun({ source: "webhook" });
  assertEquals(await store.put([fromWebhook]), []);
  assertEquals(await store.latest(fromWebhook.repository, 1), [fromWebhook]);
});

testOverDatabases("RunStore.put() ignores an older state", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  const later = aRun({ status: "completed", updatedAt: "2026-01-01T02:00:00+01:00" });
  await store.put([later]);
  assertEquals(await store.put([aRun({ updatedAt: "2026-01-01T00:59:59Z" })]), []);
  assertEquals(await store.latest(later.repository, 1), [later]);
});

testOverDatabases("RunStore.put() stores its events in the event log", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  const journal = new SqlEventLog(database, clock);
  const events = await store.put([aRun({ id: 2 }), aRun({ id: 1 })]);
  assertEquals(events.map(({ seq }) => seq), [1, 2]);
  // In the order of IDs, in which the rows are locked.
  assertEquals(eventBodies(events), [toRunEvent(aRun({ id: 1 })), toRunEvent(aRun({ id: 2 }))]);
  assertEquals(await journal.readAfter(0, 10), events);
});

testOverDatabases(
  "RunStore.put() one by one gives the same result as merge()",
  async ({ database }) => {
    const store = new SqlRunStore(database, clock);
    await fc.assert(
      fc.asyncProperty(states, async (list) => {
        const runs = withOneId(list);
        for (const run of runs) await store.put([run]);
        const expected = runs.reduce(merge);
        assertEquals(await store.latest(expected.repository, 1), [expected]);
      }),
      { numRuns: 30 },
    );
  },
);

testOverDatabases(
  "RunStore.put() on two instances at once gives the same result as merge()",
  async (
    { database, connectAgain },
  ) => {
    const stores = [new SqlRunStore(database, clock), new SqlRunStore(await connectAgain(), clock)];
    const journal = new SqlEventLog(database, clock);
    await fc.assert(
      fc.asyncProperty(states, async (list) => {
        const runs = withOneId(list);
        const { last } = await journal.seqRange();
        await Promise.all(runs.map((run, index) => stores[index % 2]?.put([run])));
        const expected = runs.reduce(merge);
        assertEquals(await stores[0]?.latest(expected.repository, 1), [expected]);
        assertEquals(eventBodies((await journal.readAfter(last, 100)).slice(-1)), [
          toRunEvent(expected),
        ]);
        assertForward(runs, await journal.readAfter(last, 100));
      }),
      { numRuns: 30 },
    );
  },
);

/** Asserts that no event has an earlier state than a previous event. */
function assertForward(runs: readonly Run[], events: readonly StoredEvent[]): void {
  const runEvents = events.filter((event): event is StoredEvent & RunEvent => event.type === "run")
    .map(({ data }) =>
      runs.filter((run) => JSON.stringify(toRunEvent(run).data) === JSON.stringify(data))
    );
  for (const [index, earlier] of runEvents.slice(0, -1).entries()) {
    const later = runEvents[index + 1] ?? [];
    assert(later.some((b) => earlier.some((a) => compareStates(b, a) > 0)), "went backwards");
  }
}

testOverDatabases("RunStore.put() does not overwrite a concurrently committed state", async (
  { database, connectAgain },
) => {
  const store = new SqlRunStore(await connectAgain(), clock);
  const at = (second: string) => aRun({ updatedAt: `2026-01-01T00:02:${second}Z` });
  await store.put([at("01")]);
  const merged = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const first = database.write(async (tx) => {
    await mergeRuns(tx, [at("03")]);
    merged.resolve();
    await gate.promise;
  });
  await merged.promise;
  const second = store.put([at("02")]);
  // Time to read the state that is about to be replaced.
  await clock.sleep(50);
  gate.resolve();
  await first;
  assertEquals(await second, []);
  assertEquals(await store.latest("octo/a", 1), [at("03")]);
});

testOverDatabases(
  "Concurrent RunStore.put() in opposite orders causes no deadlock",
  async (
    { database, connectAgain },
  ) => {
    const stores = [new SqlRunStore(database, clock), new SqlRunStore(await connectAgain(), clock)];
    const ids = Array.from({ length: 20 }, (_, index) => index + 1);
    for (const second of ["01", "02", "03"]) {
      const runs = ids.map((id) => aRun({ id, updatedAt: `2026-01-01T00:01:${second}Z` }));
      await Promise.all([stores[0]?.put(runs), stores[1]?.put(runs.toReversed())]);
      const stored = await stores[0]?.latest("octo/a", 100);
      assertEquals(stored?.toSorted((a, b) => a.id - b.id), runs);
    }
  },
);

testOverDatabases("RunStore.latest() sorts by the time of creation, then by ID", async (
  { database },
) => {
  const store = new SqlRunStore(database, clock);
  const created = (id: number, createdAt: string) => aRun({ id, createdAt });
  await store.put([
    created(1, "2026-01-01T12:00:00Z"),
    created(2, "2026-01-01T13:00:00+02:00"),
    created(3, "2026-01-01T10:30:00-01:00"),
    created(4, "2026-01-01T12:00:00Z"),
    aRun({ id: 5, repository: "octo/b" }),
  ]);
  assertEquals((await store.latest("octo/a", 3)).map(({ id }) => id), [4, 1, 3]);
});

testOverDatabases(
  "RunStore.listUnfinished() lists the least recently updated run first",
  async ({ database }) => {
    const store = new SqlRunStore(database, clock);
    const updated = (id: number, status: string | null, updatedAt: string) =>
      aRun({ id, status, updatedAt });
    await store.put([
      updated(1, "queued", "2026-01-01T12:00:00Z"),
      updated(2, "in_progress", "2026-01-01T11:00:00Z"),
      updated(3, "completed", "2026-01-01T10:00:00Z"),
      updated(4, null, "2026-01-01T11:30:00Z"),
      updated(5, "queued", "2026-01-01T12:30:00Z"),
    ]);
    const before = Date.parse("2026-01-01T12:30:00Z");
    assertEquals((await store.listUnfinished(before, 10)).map(({ id }) => id), [2, 4, 1]);
    assertEquals((await store.listUnfinished(before, 1)).map(({ id }) => id), [2]);
    await store.put([updated(2, "completed", "2026-01-01T11:00:01Z")]);
    assertEquals((await store.listUnfinished(before, 1)).map(({ id }) => id), [4]);
  },
);

testOverDatabases("RunStore.remove() deletes a run", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  await store.put([aRun({ id: 1 }), aRun({ id: 2 })]);
  await store.remove(1);
  await store.remove(99);
  assertEquals((await store.latest("octo/a", 9)).map(({ id }) => id), [2]);
});

testOverDatabases("RunStore gives a workflow the name in its latest run", async ({ database }) => {
  const store = new SqlRunStore(database, clock);
  const named = (id: number, workflowName: string, createdAt: string) =>
    aRun({ id, workflowName, createdAt });
  await store.put([named(2, "New", "2026-01-02T00:00:00Z")]);
  await store.put([named(1, "Old", "2026-01-01T00:00:00Z")]);
  const workflows = await database.read((db) =>
    db.selectFrom("workflows").select(["id", "name", "repository"]).execute()
  );
  assertEquals(workflows.map((row) => ({ ...row })), [{
    id: aRun().workflowId,
    name: "New",
    repository: "octo/a",
  }]);
});

testOverDatabases("RunStore has its runs after a restart", async ({ database, reopen }) => {
  const run = aRun({ id: 20_000_000_001 });
  await new SqlRunStore(database, clock).put([run]);
  await database.close();
  const reopened = new SqlRunStore(await reopen(), clock);
  assertEquals(await reopened.latest(run.repository, 1), [run]);
  assertEquals(await reopened.put([run]), []);
}, { kinds: ["sqlite", "postgres"] });

testOverDatabases("RunBatch locks no workflows of known runs", async (
  { database },
) => {
  const known = [aRun({ id: 1, workflowId: 7 }), aRun({ id: 2, workflowId: 9 })];
  await database.write((tx) => mergeRuns(tx, known));
  const newRuns = [aRun({ id: 3, workflowId: 9 }), aRun({ id: 4, workflowId: 7 })];
  const locked = known.map(() => Promise.withResolvers<void>());
  let tries = 0;
  await Promise.all(known.map((old, at) =>
    database.write(async (tx) => {
      tries++;
      const next = { ...old, status: "in_progress", updatedAt: "2026-01-01T00:00:01Z" };
      const runs = [next, ...newRuns.slice(at, at + 1)];
      const batch = await RunBatch.lock(tx, { runs, jobs: [] });
      locked[at]?.resolve();
      await Promise.all(locked.map(({ promise }) => promise));
      for (const run of runs) batch.merge(run);
      await batch.write();
    })
  ));
  assertEquals(tries, 2);
}, { kinds: ["postgres"] });
