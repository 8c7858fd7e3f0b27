import { assertEquals } from "@std/assert";
import type { BackfillProgress } from "../../src/run/backfill/backfill_progress.ts";
import { SqlBackfillStore } from "../../src/sql/run/backfill.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlEventLog } from "../../src/sql/event_log.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlRunStore } from "../../src/sql/run/run.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600 * SECOND_MS;
const NOW = Date.UTC(2026, 0, 31);
const REQUEST = {
  repositoryId: 1,
  since: NOW - 30 * DAY_MS + 1,
  now: NOW + 999,
  isBackground: true,
};

const STARTED: BackfillProgress = {
  repositoryId: 1,
  since: NOW - 30 * DAY_MS,
  importedFrom: NOW + SECOND_MS,
  importedTo: NOW + SECOND_MS,
  runs: 0,
  estimate: null,
  state: "running",
  reason: null,
  isBackground: true,
};

async function setUp(database: Database, clock = new ManualClock(NOW)) {
  const repositories = new SqlRepositoryStore(database, clock);
  await repositories.upsert([
    { id: 1, fullName: "octo/a", pushedAt: null },
    { id: 2, fullName: "octo/b", pushedAt: null },
  ]);
  return { clock, repositories, store: new SqlBackfillStore(database, clock) };
}

testOverDatabases("BackfillStore.start() starts empty, or resumes the stored progress", async (
  { database },
) => {
  const { store } = await setUp(database);
  assertEquals(await store.find(1), undefined);
  assertEquals(await store.start(REQUEST), STARTED);
  assertEquals(await store.find(1), STARTED);
  const done: BackfillProgress = {
    ...STARTED,
    importedFrom: STARTED.since,
    runs: 7,
    estimate: 7,
    state: "done",
  };
  assertEquals(await store.save(STARTED, done), true);
  const earlier = { since: NOW - 90 * DAY_MS, isBackground: false };
  const again: BackfillProgress = { ...done, ...earlier, state: "running" };
  assertEquals(await store.start({ ...earlier, repositoryId: 1, now: NOW + DAY_MS }), again);
  assertEquals(await store.find(1), again);
});

testOverDatabases("BackfillStore.save() replaces only the progress it was computed from", async (
  { database, connectAgain },
) => {
  const { store } = await setUp(database);
  const other = new SqlBackfillStore(await connectAgain(), new ManualClock(NOW));
  await store.start(REQUEST);
  const [first, second] = [1, 2].map((n) => ({
    ...STARTED,
    importedFrom: NOW - n * DAY_MS,
    runs: n,
  }));
  if (!first || !second) throw new Error("There are two");
  // On PostgreSQL, either of two concurrent calls may be the first.
  const saved = await Promise.all([store.save(STARTED, first), store.save(STARTED, first)]);
  assertEquals(saved.toSorted(), [false, true]);
  assertEquals(await other.save(STARTED, second), false);
  assertEquals(await store.find(1), first);
  assertEquals(await other.save(first, second), true);
  assertEquals(await store.save({ ...second, repositoryId: 99 }, first), false);
  assertEquals(await store.save({ ...second, isBackground: false }, first), false);
  await store.stop(1, "Enough");
  assertEquals(await store.save(second, first), false);
  assertEquals(await store.find(1), { ...second, state: "failed", reason: "Enough" });
  await store.stop(1, "Again");
  assertEquals((await store.find(1))?.reason, "Enough");
});

testOverDatabases(
  "BackfillStore.listRunning() lists the least recently updated first, without removed repositories",
  async (
    { database },
  ) => {
    const { store, repositories, clock } = await setUp(database);
    assertEquals(await store.listRunning(), []);
    await store.start({ ...REQUEST, repositoryId: 2 });
    clock.time += 1;
    await store.start(REQUEST);
    const names = async () => (await store.listRunning()).map(({ repository }) => repository);
    assertEquals(await names(), ["octo/b", "octo/a"]);
    assertEquals((await store.listRunning())[1]?.progress, STARTED);
    clock.time += 1;
    const second = { ...STARTED, repositoryId: 2 };
    await store.save(second, { ...second, importedFrom: NOW });
    assertEquals(await names(), ["octo/a", "octo/b"]);
    await repositories.markRemoved([1]);
    assertEquals(await names(), ["octo/b"]);
    await store.save({ ...second, importedFrom: NOW }, { ...second, state: "done" });
    assertEquals(await names(), []);
  },
);

testOverDatabases(
  "BackfillStore.importRuns() merges runs and returns events of recent changes",
  async (
    { database },
  ) => {
    const { store, clock } = await setUp(database);
    const eventLog = new SqlEventLog(database, clock);
    const runs = new SqlRunStore(database, clock);
    const { last } = await eventLog.seqRange();
    const ago = (days: number) => new Date(NOW - days * DAY_MS).toISOString();
    const pastRun = (id: number, days: number, status = "completed") =>
      aRun({ id, status, createdAt: ago(days), updatedAt: ago(days) });
    await runs.put([pastRun(1, 20, "in_progress"), pastRun(2, 20)]);
    const imported = [
      pastRun(2, 20),
      { ...pastRun(1, 20), updatedAt: ago(19) },
      pastRun(3, 20),
      pastRun(4, 20, "waiting"),
      pastRun(5, 0.5),
    ];
    const events = await store.importRuns(imported);
    // 1 was stored as in progress, 4 has not completed, and 5 completed today.
    assertEquals(events.map((event) => event.type === "run" && event.data.id), [1, 4, 5]);
    assertEquals(await eventLog.readAfter(last + 2, 9), events);
    const stored = await runs.latest("octo/a", 9);
    assertEquals(stored.map(({ id }) => id).toSorted(), [1, 2, 3, 4, 5]);
    assertEquals(stored.find(({ id }) => id === 1)?.status, "completed");
    assertEquals(await store.importRuns(imported), []);
    assertEquals(await store.importRuns([]), []);
    assertEquals(await store.importRuns([pastRun(1, 21, "queued")]), []);
  },
);

testOverDatabases("BackfillStore.importRuns() imports many runs in several transactions", async (
  { database },
) => {
  const { store, clock } = await setUp(database);
  const runs = Array.from({ length: 120 }, (_, index) => aRun({ id: index + 1 }));
  const events = await store.importRuns(runs);
  const ids = runs.map(({ id }) => id);
  assertEquals(events.map((event) => event.type === "run" && event.data.id), ids);
  assertEquals(events.map(({ seq }) => seq), ids.map((id) => (events[0]?.seq ?? 0) + id - 1));
  assertEquals((await new SqlRunStore(database, clock).latest("octo/a", 999)).length, 120);
});
