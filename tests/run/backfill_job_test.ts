import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { RefusedError, StorageError } from "../../src/errors.ts";
import { Backfills } from "../../src/run/backfill_job.ts";
import { FakePast, MemoryBackfillStore } from "../fakes/past.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOW = Date.UTC(2026, 5, 1);

/** Backfills over a store and a GitHub that outlive them. */
class Setting implements AsyncDisposable {
  readonly past = new FakePast([NOW - 2 * DAY_MS, NOW - DAY_MS]);
  readonly store = new MemoryBackfillStore();
  readonly refused: string[] = [];
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  start(): Backfills {
    this.#stop = new AbortController();
    const backfills = new Backfills({
      source: this.past,
      store: this.store,
      clock: systemClock,
      onEvents: () => {},
      onRefused: ({ message }) => this.refused.push(message),
    });
    this.#running = backfills.run(this.#stop.signal);
    return backfills;
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

Deno.test("Backfills bring in at once what is asked for, one repository after the other", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  const backfills = setting.start();
  await time.tickAsync(1);
  await backfills.start(1, 90);
  await backfills.start(2, 1);
  await time.tickAsync(1);
  assertEquals([setting.state(1), setting.state(2)], ["done", "done"]);
  assertEquals(setting.past.asked.map(({ from }) => (NOW - from) / DAY_MS), [90, 1]);
});

Deno.test("Backfills go on after a restart", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  setting.past.runs = new FakePast(Array.from({ length: 150 }, (_, i) => NOW - DAY_MS + i)).runs;
  setting.past.onAsked = () => void setting.stop();
  await setting.start().start(1, 90);
  await time.tickAsync(1);
  await setting.stop();
  assertEquals(setting.state(1), "running");
  setting.past.onAsked = () => {};
  setting.start();
  await time.tickAsync(1);
  assertEquals([setting.state(1), setting.store.progress.get(1)?.runs], ["done", 150]);
});

Deno.test("Backfills find within a minute what another instance was asked for, and leave commands alone", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  setting.start();
  await time.tickAsync(1);
  const asked = { since: NOW - DAY_MS, now: NOW };
  await setting.store.start({ ...asked, repositoryId: 1, isBackground: true });
  await setting.store.start({ ...asked, repositoryId: 2, isBackground: false });
  await time.tickAsync(MINUTE_MS);
  assertEquals([setting.state(1), setting.state(2)], ["done", "running"]);
});

Deno.test("Backfills let the next go on while one is in trouble, and try that again", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  setting.past.refusals = [new RefusedError({ kind: "unavailable" }, "GitHub is away")];
  const backfills = setting.start();
  await backfills.start(1, 90);
  await backfills.start(2, 90);
  await time.tickAsync(1);
  assertEquals([setting.state(1), setting.state(2)], ["running", "done"]);
  await time.tickAsync(4 * MINUTE_MS);
  assertEquals(setting.state(1), "running");
  await time.tickAsync(2 * MINUTE_MS);
  assertEquals([setting.state(1), setting.refused], ["done", []]);
});

Deno.test("Backfills go on over a store that fails, and tell when the credential is refused", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  const backfills = setting.start();
  await backfills.start(1, 90);
  setting.past.refusals = [new RefusedError({ kind: "unauthorized" }, "Bad credentials")];
  setting.store.onWrite = () => {
    throw new StorageError("full", "The disk is full");
  };
  await time.tickAsync(7 * MINUTE_MS);
  assertEquals([setting.state(1), setting.refused], ["running", ["Bad credentials"]]);
  setting.store.onWrite = () => {};
  await time.tickAsync(7 * MINUTE_MS);
  assertEquals(setting.state(1), "done");
});

Deno.test("Backfills begin at once with what is asked for while they are at it", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  const backfills = setting.start();
  let again: Promise<void> | undefined;
  setting.past.onAsked = () => again ??= backfills.start(1, 200);
  await backfills.start(1, 90);
  await time.tickAsync(1);
  await again;
  await time.tickAsync(1);
  assertEquals(setting.state(1), "done");
  assertEquals(setting.store.progress.get(1)?.reached, NOW - 200 * DAY_MS);
});

Deno.test("Backfills.stop() ends what is under way, and what is in stays", async () => {
  using time = new FakeTime(NOW);
  await using setting = new Setting();
  const backfills = setting.start();
  let stopped: Promise<void> | undefined;
  setting.past.onAsked = () => stopped ??= backfills.stop(1);
  await backfills.start(1, 90);
  await time.tickAsync(10 * MINUTE_MS);
  const progress = setting.store.progress.get(1);
  assertEquals([progress?.state, progress?.reason], [
    "failed",
    "The repository is no longer followed",
  ]);
  assert(setting.store.runs.size > 0);
});
