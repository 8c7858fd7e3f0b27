import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { aRun } from "../../fakes/stores/github.ts";
import { POLLER_INTERVAL_MS, PollerUnderTest } from "../../fakes/apps/poller.ts";

const FETCH = ["runs octo/a", "runs octo/b", "runs octo/c"];

Deno.test("Poller sends no requests until a client connects, and is idle after the last one leaves", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  await time.tickAsync(60_000);
  assertEquals(test.github.requests, []);
  assertEquals(test.poller.status.state, "idle");

  test.activeClients.add();
  test.activeClients.add();
  await time.tickAsync(POLLER_INTERVAL_MS);
  assertEquals(test.snapshots.length, 2);
  test.activeClients.remove();
  await time.tickAsync(POLLER_INTERVAL_MS);
  assertEquals(test.snapshots.length, 3);

  test.activeClients.remove();
  await time.tickAsync(1);
  assertEquals(test.poller.phase, { name: "idle" });
  const requestCount = test.github.requests.length;
  await time.tickAsync(10 * POLLER_INTERVAL_MS);
  assertEquals(test.github.requests.length, requestCount);
});

Deno.test("Poller lists repositories again after five fetches", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.activeClients.add();
  await time.tickAsync(6 * POLLER_INTERVAL_MS);
  const cycle = ["list", ...FETCH, ...FETCH, ...FETCH, ...FETCH, ...FETCH];
  assertEquals(test.github.endpoints, [...cycle, "list", ...FETCH, ...FETCH]);
});

Deno.test("Poller reports each phase", async () => {
  using time = new FakeTime(0);
  const test = new PollerUnderTest();
  await time.tickAsync(1_000);
  test.activeClients.add();
  await time.tickAsync(POLLER_INTERVAL_MS);
  await test.stop();
  assertEquals(test.phases, [
    { name: "idle" },
    { name: "listing" },
    { name: "fetching", fetch: 1 },
    { name: "waiting", until: 13_000 },
    { name: "fetching", fetch: 2 },
    { name: "waiting", until: 25_000 },
    { name: "stopped" },
  ]);
});

Deno.test("Poller keeps its interval without drift, however long responses take", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.delayMs = 700;
  test.activeClients.add();
  await time.tickAsync(100 * POLLER_INTERVAL_MS);
  const starts = test.github.requests.filter(({ endpoint }, index) =>
    endpoint === "list" ||
    (endpoint === FETCH[0] && test.github.requests[index - 1]?.endpoint !== "list")
  ).map(({ at }) => at);
  assertEquals(starts, Array.from({ length: 101 }, (_, tick) => tick * POLLER_INTERVAL_MS));
});

Deno.test("Poller skips the ticks that an overlong fetch missed", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.repositories = ["octo/a"];
  test.activeClients.add();
  await time.tickAsync(0);
  test.github.delayMs = 2.5 * POLLER_INTERVAL_MS;
  await time.tickAsync(4 * POLLER_INTERVAL_MS);
  test.github.delayMs = 0;
  await time.tickAsync(3 * POLLER_INTERVAL_MS);
  // The fetch of tick 1 ends at tick 3.5, that of tick 4 at 6.5; then fetches are quick again.
  assertEquals(test.snapshotTimes, [0, 3.5, 6.5, 7].map((tick) => tick * POLLER_INTERVAL_MS));
});

Deno.test("Poller waits for the next tick when a client returns", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.activeClients.add();
  await time.tickAsync(5_000);
  test.activeClients.remove();
  await time.tickAsync(1_000);
  test.activeClients.add();
  await time.tickAsync(5_999);
  assertEquals(test.snapshotTimes, [0]);
  await time.tickAsync(1);
  assertEquals(test.snapshotTimes, [0, POLLER_INTERVAL_MS]);
  assertEquals(test.github.endpoints, ["list", ...FETCH, ...FETCH]);
});

Deno.test("Poller starts a new cycle at once after a long idle time", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.activeClients.add();
  await time.tickAsync(0);
  test.activeClients.remove();
  await time.tickAsync(100_500);
  test.activeClients.add();
  await time.tickAsync(POLLER_INTERVAL_MS);
  assertEquals(test.snapshotTimes, [0, 100_500, 112_500]);
  assertEquals(test.github.endpoints, ["list", ...FETCH, "list", ...FETCH, ...FETCH]);
});

Deno.test("SnapshotPublisher.current() is the latest snapshot while it is younger than an interval", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  assertEquals(test.current, undefined);
  test.activeClients.add();
  await time.tickAsync(0);
  test.activeClients.remove();
  await time.tickAsync(POLLER_INTERVAL_MS - 1);
  assertEquals(test.current, test.snapshots[0]?.snapshot);
  await time.tickAsync(1);
  assertEquals(test.current, undefined);
});

Deno.test("Poller publishes an empty snapshot without repositories", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.repositories = [];
  test.activeClients.add();
  await time.tickAsync(POLLER_INTERVAL_MS);
  assertEquals(test.frames, ['{"runs":[]}', '{"runs":[]}']);
  assertEquals(test.poller.status.state, "polling");
});

Deno.test("Poller publishes the runs of other repositories if one has none", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.runs = [aRun({ id: 3, repository: "octo/b" })];
  test.activeClients.add();
  await time.tickAsync(0);
  assertEquals(test.snapshots[0]?.snapshot.runs.map((run) => run.id), [3]);
});

Deno.test("Poller publishes 2 runs of each of 3 repositories, newest first", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.repositories = ["octo/a", "octo/b", "octo/c", "octo/d"];
  test.github.runs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((id) =>
    aRun({
      id,
      repository: `octo/${"abcd"[id % 4]}`,
      createdAt: `2026-01-01T00:00:${String(id).padStart(2, "0")}Z`,
    })
  );
  test.activeClients.add();
  await time.tickAsync(0);
  assertEquals(test.snapshots[0]?.snapshot.runs.map((run) => run.id), [12, 10, 9, 8, 6, 5]);
});

Deno.test("Poller emits each new state of a run once", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.runs = [aRun()];
  test.activeClients.add();
  await time.tickAsync(2 * POLLER_INTERVAL_MS);
  const done = { status: "completed", conclusion: "success", updatedAt: "2026-01-01T00:01:00Z" };
  test.github.runs = [aRun(done)];
  await time.tickAsync(2 * POLLER_INTERVAL_MS);
  const statuses = test.events.flatMap((event) => event.type === "run" ? [event.data.status] : []);
  assertEquals(statuses, ["queued", "completed"]);
});

Deno.test("Poller stops in every phase", async (t) => {
  for (const phase of ["idle", "listing", "fetching", "waiting"] as const) {
    await t.step(phase, async () => {
      using time = new FakeTime(0);
      const test = new PollerUnderTest();
      test.github.delayMs = 1_000;
      if (phase !== "idle") test.activeClients.add();
      await time.tickAsync({ idle: 500, listing: 500, fetching: 1_500, waiting: 6_000 }[phase]);
      assertEquals(test.poller.phase.name, phase);
      const requestCount = test.github.requests.length;
      await test.stop();
      assertEquals(test.poller.phase, { name: "stopped" });
      await time.tickAsync(60_000);
      assertEquals(test.github.requests.length, requestCount);
    });
  }
});

Deno.test("Poller does not wait longer when the system clock is set back", async () => {
  using time = new FakeTime(3_600_000);
  await using test = new PollerUnderTest();
  test.activeClients.add();
  await time.tickAsync(1_000);
  time.setNow(1_000);
  await time.tickAsync(2 * POLLER_INTERVAL_MS);
  assert(test.snapshots.length >= 2, `${test.snapshots.length} snapshots`);
});
