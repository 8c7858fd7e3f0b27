import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError } from "../../../src/errors.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { Reconciler } from "../../../src/run/polling/reconciler.ts";
import { aRun, FakeGitHub } from "../../fakes/stores/github.ts";
import { MemoryRepositoryStore, MemoryRunStore } from "../../fakes/stores/memory_stores.ts";

const MINUTE_MS = 60_000;
const STUCK = aRun({ id: 1, status: "in_progress", updatedAt: "2026-01-01T00:00:00Z" });
const NOW = "2026-01-01T00:10:01Z";

function setUp() {
  const test = {
    github: new FakeGitHub(),
    store: new MemoryRunStore(),
    repositories: new MemoryRepositoryStore(),
    events: [] as StoredEvent[],
    isNeeded: true,
    signal: new AbortController(),
  };
  const reconciler = new Reconciler({
    clock: systemClock,
    stuckAfterMs: 10 * MINUTE_MS,
    runs: test.github,
    store: test.store,
    repositories: test.repositories,
    isNeeded: () => test.isNeeded,
    onEvents: (events) => test.events.push(...events),
  });
  return { ...test, test, reconciler };
}

Deno.test("Reconciler fetches a run without updates for ten minutes, and emits its end", async () => {
  using _time = new FakeTime(NOW);
  const { reconciler, store, github, events, signal } = setUp();
  await store.put([STUCK, aRun({ id: 2, status: "queued", updatedAt: "2026-01-01T00:00:02Z" })]);
  github.runs = [{ ...STUCK, status: "completed", updatedAt: "2026-01-01T00:05:00Z" }];
  await reconciler.runOnce(signal.signal);
  assertEquals(github.endpoints, ["run 1"]);
  assertEquals(events.map((event) => event.type === "run" && event.data.status), ["completed"]);
  await reconciler.runOnce(signal.signal);
  assertEquals(github.endpoints, ["run 1"]);
});

Deno.test("Reconciler removes a stuck run that GitHub no longer has", async () => {
  using _time = new FakeTime(NOW);
  const { reconciler, store, signal } = setUp();
  await store.put([STUCK]);
  await reconciler.runOnce(signal.signal);
  assertEquals(await store.latest("octo/a", 5), []);
});

Deno.test("Reconciler fetches the latest runs of one repository per round, in turn", async () => {
  using time = new FakeTime(NOW);
  const { reconciler, repositories, github, events, signal } = setUp();
  await repositories.upsert([
    { id: 1, fullName: "octo/a", pushedAt: "2026-01-02T00:00:00Z" },
    { id: 2, fullName: "octo/b", pushedAt: "2026-01-01T00:00:00Z" },
  ]);
  github.runs = [aRun({ status: "completed", conclusion: "startup_failure" })];
  const running = reconciler.run(signal.signal);
  await time.tickAsync(3 * MINUTE_MS);
  assertEquals(github.endpoints, ["runs octo/a", "runs octo/b", "runs octo/a"]);
  assertEquals(events.length, 1);
  signal.abort();
  await running;
});

Deno.test("Reconciler sends no requests while GitHub is rate limited, or nothing depends on them", async () => {
  using _time = new FakeTime(NOW);
  const { test, reconciler, store, repositories, github, signal } = setUp();
  await store.put([STUCK]);
  await repositories.upsert([{ id: 1, fullName: "octo/a", pushedAt: null }]);
  github.isBackground = true;
  github.gate.onFailure(new GitHubError({ kind: "rate_limited" }, "GitHub answered 429"));
  await reconciler.runOnce(signal.signal);
  test.isNeeded = false;
  await reconciler.runOnce(signal.signal);
  assertEquals(github.endpoints, []);
});

Deno.test("Reconciler ends its round at a rate limit, and continues after a run that is not accessible", async () => {
  using _time = new FakeTime(NOW);
  const { reconciler, store, github, signal } = setUp();
  await store.put([STUCK, { ...STUCK, id: 3 }, { ...STUCK, id: 4 }]);
  github.failures.set("run 1", { kind: "not_accessible", status: 403 });
  github.failures.set("run 3", { kind: "rate_limited", retryAt: 0 });
  await reconciler.runOnce(signal.signal);
  assertEquals(github.endpoints, ["run 1", "run 3"]);
});
