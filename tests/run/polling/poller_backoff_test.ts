import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { aRun } from "../../fakes/stores/github.ts";
import { CapturedLog } from "../../fakes/log.ts";
import { POLLER_INTERVAL_MS, PollerUnderTest } from "../../fakes/apps/poller.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

Deno.test("Poller sends no requests until the rate limit resets, then starts a new cycle", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.activeClients.add();
  await time.tickAsync(0);
  test.github.failures.set("runs octo/b", { kind: "rate_limited", retryAt: 10 * MINUTE_MS });
  await time.tickAsync(POLLER_INTERVAL_MS);
  const requestCount = test.github.requests.length;
  assertEquals(test.poller.phase, { name: "waiting", until: 10 * MINUTE_MS });
  assertEquals(test.poller.status, {
    state: "waiting",
    waitingUntil: 10 * MINUTE_MS,
    lastSuccessAt: 0,
  });
  assertEquals(test.current, test.snapshots[0]?.snapshot);

  await time.tickAsync(10 * MINUTE_MS - POLLER_INTERVAL_MS - 1);
  assertEquals(test.github.requests.length, requestCount);
  test.github.failures.clear();
  await time.tickAsync(1);
  assertEquals(test.github.endpoints.slice(requestCount), [
    "list",
    "runs octo/a",
    "runs octo/b",
    "runs octo/c",
  ]);
  assertEquals(test.poller.status.state, "polling");
  assertEquals(test.poller.status.waitingUntil, null);
});

Deno.test("Poller waits for the reset even if clients leave and return", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "rate_limited", retryAt: 10 * MINUTE_MS });
  test.activeClients.add();
  await time.tickAsync(MINUTE_MS);
  test.activeClients.remove();
  await time.tickAsync(MINUTE_MS);
  assertEquals(test.poller.status.state, "idle");
  test.activeClients.add();
  await time.tickAsync(8 * MINUTE_MS - 1);
  assertEquals(test.github.endpoints, ["list"]);
  await time.tickAsync(1);
  assertEquals(test.github.endpoints, ["list", "list"]);
});

Deno.test("Poller waits a minute, then longer each time, after a rate limit without a time", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "rate_limited" });
  test.activeClients.add();
  await time.tickAsync(20 * MINUTE_MS);
  assertEquals(test.github.requests.map(({ at }) => at / MINUTE_MS), [0, 1, 3, 7, 15]);
  test.github.failures.clear();
  await time.tickAsync(10 * MINUTE_MS + POLLER_INTERVAL_MS);
  const requestCount = test.github.requests.length;
  test.github.failures.set("runs", { kind: "rate_limited" });
  await time.tickAsync(POLLER_INTERVAL_MS);
  await time.tickAsync(MINUTE_MS);
  // After a success the next wait is short again.
  assertEquals(test.github.endpoints.slice(requestCount), ["runs octo/a", "list", "runs octo/a"]);
});

Deno.test("Poller is unauthorized after a 401, polls less often, and recovers", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "unauthorized" });
  test.activeClients.add();
  await time.tickAsync(3 * MINUTE_MS);
  assertEquals(test.github.requests.map(({ at }) => at / MINUTE_MS), [0, 1, 3]);
  assertEquals(test.poller.status.state, "unauthorized");
  assertEquals(test.poller.status.waitingUntil, 7 * MINUTE_MS);
  test.github.failures.clear();
  await time.tickAsync(4 * MINUTE_MS);
  assertEquals(test.poller.status.state, "polling");
  assertEquals(test.snapshots.length, 1);
});

Deno.test("Poller is unauthorized when it may not list repositories", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "not_accessible", status: 403 });
  test.activeClients.add();
  await time.tickAsync(0);
  assertEquals(test.poller.status.state, "unauthorized");
  assertEquals(test.poller.status.waitingUntil, MINUTE_MS);
});

Deno.test("Poller retries within the interval, then at the next tick, while GitHub is unavailable", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "unavailable" });
  test.activeClients.add();
  await time.tickAsync(POLLER_INTERVAL_MS - 1);
  assertEquals(test.github.requests.map(({ at }) => at), [0, 1_000, 3_000, 7_000]);
  assertEquals(test.poller.status.state, "unreachable");
  assertEquals(test.poller.status.waitingUntil, POLLER_INTERVAL_MS);
  test.github.failures.clear();
  await time.tickAsync(1);
  assertEquals(test.poller.status.state, "polling");
  assertEquals(test.snapshotTimes, [POLLER_INTERVAL_MS]);
});

Deno.test("Poller keeps its interval if a retry succeeds", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.failures.set("runs octo/b", { kind: "unavailable" });
  test.activeClients.add();
  await time.tickAsync(2_000);
  test.github.failures.clear();
  await time.tickAsync(3 * POLLER_INTERVAL_MS - 2_000);
  assertEquals(test.snapshotTimes, [
    3_000,
    POLLER_INTERVAL_MS,
    2 * POLLER_INTERVAL_MS,
    3 * POLLER_INTERVAL_MS,
  ]);
});

Deno.test("Poller shows the stored runs of one unavailable repository", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.github.runs = [aRun({ id: 1 }), aRun({ id: 2, repository: "octo/b" })];
  test.activeClients.add();
  await time.tickAsync(0);
  test.github.failures.set("runs octo/a", { kind: "unavailable" });
  await time.tickAsync(2 * POLLER_INTERVAL_MS);
  assert(test.frames.length >= 2);
  assertEquals(test.frames.at(-1), test.frames[0]);
  assertEquals(test.poller.status.state, "polling");
});

for (const status of [404, 403, 451]) {
  Deno.test(`Poller excludes a repository after a ${status}, and logs it once`, async () => {
    using time = new FakeTime(0);
    await using log = await new CapturedLog().start();
    await using test = new PollerUnderTest();
    test.github.runs = ["octo/a", "octo/b", "octo/c"].map((repository, id) =>
      aRun({ id, repository })
    );
    test.github.failures.set("runs octo/b", { kind: "not_accessible", status });
    test.activeClients.add();
    await time.tickAsync(12 * POLLER_INTERVAL_MS);
    for (const { snapshot } of test.snapshots) {
      assertEquals(snapshot.runs.map((run) => run.repository), ["octo/c", "octo/a"]);
    }
    // One request in each of the three cycles.
    assertEquals(test.github.endpoints.filter((what) => what === "runs octo/b").length, 3);
    assertEquals(log.lines.filter((line) => line.includes("octo/b")).length, 1);

    test.github.failures.clear();
    await time.tickAsync(5 * POLLER_INTERVAL_MS);
    assertEquals(test.snapshots.at(-1)?.snapshot.runs.length, 3);
  });
}

Deno.test("Poller slows down so that a low quota lasts until the reset", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.rateLimit = () => ({
    limit: 5_000,
    remaining: 124 - test.github.requests.length,
    resetAt: HOUR_MS,
  });
  test.activeClients.add();
  await time.tickAsync(10 * MINUTE_MS);
  // 120 points are 30 polls of 4 requests: one every two minutes.
  assertEquals(test.snapshotTimes.map((at) => at / MINUTE_MS), [0, 2, 4, 6, 8, 10]);
  assertEquals(test.poller.status.state, "waiting");
  assertEquals(test.poller.status.waitingUntil, 12 * MINUTE_MS);
});

Deno.test("Poller sends no requests without quota until the reset", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  test.rateLimit = () => ({ limit: 5_000, remaining: 0, resetAt: 10 * MINUTE_MS });
  test.activeClients.add();
  await time.tickAsync(12 * MINUTE_MS - 1);
  assertEquals(test.snapshotTimes[0], 0);
  assertEquals(test.snapshotTimes[1], 10 * MINUTE_MS);
});

Deno.test("Poller fetches a run by ID if a list no longer contains it", async (t) => {
  const older = aRun({ id: 1 });
  const newer = aRun({ id: 2, createdAt: "2026-01-01T00:00:05Z" });

  await t.step("and shows it if it exists", async () => {
    using time = new FakeTime(0);
    await using test = new PollerUnderTest();
    test.github.runs = [older, newer];
    test.activeClients.add();
    await time.tickAsync(0);
    test.github.unlisted.add(newer.id);
    await time.tickAsync(POLLER_INTERVAL_MS);
    assertEquals(test.snapshots.at(-1)?.snapshot.runs.map((run) => run.id), [2, 1]);
    assert(test.github.endpoints.includes("run 2"));
  });

  await t.step("and removes it if it was deleted", async () => {
    using time = new FakeTime(0);
    await using test = new PollerUnderTest();
    test.github.runs = [older, newer];
    test.activeClients.add();
    await time.tickAsync(0);
    test.github.runs = [older];
    await time.tickAsync(2 * POLLER_INTERVAL_MS);
    assertEquals(test.snapshots.at(-1)?.snapshot.runs.map((run) => run.id), [1]);
    assertEquals(test.github.endpoints.filter((what) => what === "run 2").length, 1);
  });
});

Deno.test("Poller does not revert a run when a list lags", async () => {
  using time = new FakeTime(0);
  await using test = new PollerUnderTest();
  const queued = aRun();
  const done = aRun({ status: "completed", updatedAt: "2026-01-01T00:01:00Z" });
  test.activeClients.add();
  for (const state of [queued, done, queued, done, queued]) {
    test.github.runs = [state];
    await time.tickAsync(POLLER_INTERVAL_MS);
  }
  const statuses = test.snapshots.map(({ snapshot }) => snapshot.runs[0]?.status);
  assertEquals(statuses, ["queued", "queued", ...Array(4).fill("completed")]);
});

Deno.test("Poller stops while it waits for a retry", async () => {
  using time = new FakeTime(0);
  const test = new PollerUnderTest();
  test.github.failures.set("list", { kind: "unavailable" });
  test.activeClients.add();
  await time.tickAsync(500);
  await test.stop();
  await time.tickAsync(POLLER_INTERVAL_MS);
  assertEquals(test.github.endpoints, ["list"]);
});
