import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError, StorageError } from "../../../src/errors.ts";
import { BackfillScheduler } from "../../../src/run/backfill/backfill_scheduler.ts";
import { MemoryBackfillStore } from "../../fakes/stores/backfill_store.ts";
import { FakeGitHubHistory } from "../../fakes/stores/github_history.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOW = Date.UTC(2026, 5, 1);

/** Schedulers over one store and one GitHub. */
class SchedulerUnderTest implements AsyncDisposable {
  readonly source = new FakeGitHubHistory([NOW - 2 * DAY_MS, NOW - DAY_MS]);
  readonly store = new MemoryBackfillStore();
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  start(): BackfillScheduler {
    this.#stop = new AbortController();
    const scheduler = new BackfillScheduler({
      source: this.source,
      store: this.store,
      clock: systemClock,
      onEvents: () => {},
    });
    this.#running = scheduler.run(this.#stop.signal);
    return scheduler;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  state(id: number): string | undefined {
    return this.store.progress.get(id)?.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

Deno.test("BackfillScheduler starts requested backfills at once, one repository after another", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  const scheduler = test.start();
  await time.tickAsync(1);
  await scheduler.start(1, 90);
  await scheduler.start(2, 1);
  await time.tickAsync(1);
  assertEquals([test.state(1), test.state(2)], ["done", "done"]);
  assertEquals(test.source.requests.map(({ from }) => (NOW - from) / DAY_MS), [90, 1]);
});

Deno.test("BackfillScheduler continues after a restart", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  test.source.runs =
    new FakeGitHubHistory(Array.from({ length: 150 }, (_, i) => NOW - DAY_MS + i)).runs;
  test.source.onRequest = () => void test.stop();
  await test.start().start(1, 90);
  await time.tickAsync(1);
  await test.stop();
  assertEquals(test.state(1), "running");
  test.source.onRequest = () => {};
  test.start();
  await time.tickAsync(1);
  assertEquals([test.state(1), test.store.progress.get(1)?.runs], ["done", 150]);
});

Deno.test("BackfillScheduler runs requests of other instances within a minute, but not those of commands", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  test.start();
  await time.tickAsync(1);
  const request = { since: NOW - DAY_MS, now: NOW };
  await test.store.start({ ...request, repositoryId: 1, isBackground: true });
  await test.store.start({ ...request, repositoryId: 2, isBackground: false });
  await time.tickAsync(MINUTE_MS);
  assertEquals([test.state(1), test.state(2)], ["done", "running"]);
});

Deno.test("BackfillScheduler runs the next backfill after one fails, and retries the failed one", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  test.source.failures = [new GitHubError({ kind: "unavailable" }, "GitHub is unavailable")];
  const scheduler = test.start();
  await scheduler.start(1, 90);
  await scheduler.start(2, 90);
  await time.tickAsync(1);
  assertEquals([test.state(1), test.state(2)], ["running", "done"]);
  await time.tickAsync(4 * MINUTE_MS);
  assertEquals(test.state(1), "running");
  await time.tickAsync(2 * MINUTE_MS);
  assertEquals(test.state(1), "done");
});

Deno.test("BackfillScheduler continues after the store failed and the credential was rejected", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  const scheduler = test.start();
  await scheduler.start(1, 90);
  test.source.failures = [new GitHubError({ kind: "unauthorized" }, "Bad credentials")];
  test.store.onWrite = () => {
    throw new StorageError("full", "The disk is full");
  };
  await time.tickAsync(7 * MINUTE_MS);
  assertEquals(test.state(1), "running");
  test.store.onWrite = () => {};
  await time.tickAsync(7 * MINUTE_MS);
  assertEquals(test.state(1), "done");
});

Deno.test("BackfillScheduler starts a request at once that arrives during a backfill", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  const scheduler = test.start();
  let again: Promise<void> | undefined;
  test.source.onRequest = () => again ??= scheduler.start(1, 200);
  await scheduler.start(1, 90);
  await time.tickAsync(1);
  await again;
  await time.tickAsync(1);
  assertEquals(test.state(1), "done");
  assertEquals(test.store.progress.get(1)?.importedFrom, NOW - 200 * DAY_MS);
});

Deno.test("BackfillScheduler.stop() ends a backfill, and its imported runs stay", async () => {
  using time = new FakeTime(NOW);
  await using test = new SchedulerUnderTest();
  const scheduler = test.start();
  let stopped: Promise<void> | undefined;
  test.source.onRequest = () => stopped ??= scheduler.stop(1);
  await scheduler.start(1, 90);
  await time.tickAsync(10 * MINUTE_MS);
  const progress = test.store.progress.get(1);
  assertEquals([progress?.state, progress?.reason], [
    "failed",
    "The repository is no longer followed",
  ]);
  assert(test.store.runs.size > 0);
});
