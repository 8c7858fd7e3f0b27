import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { Retention, type RetentionOptions } from "../../src/feed/retention.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { CapturedLog } from "../fakes/log.ts";

const HOUR_MS = 60 * 60 * 1_000;

/** A running Retention of an event log. `await using` stops it. */
class RetentionUnderTest {
  readonly store = new FakeEventLog();
  readonly #retention: Retention;
  readonly #stop = new AbortController();
  #finished: Promise<void> | undefined;

  constructor(options: Partial<RetentionOptions> = {}) {
    this.#retention = new Retention({ store: this.store, clock: systemClock, ...options });
  }

  start(): void {
    this.#finished = this.#retention.run(this.#stop.signal);
  }

  async append(count: number): Promise<void> {
    await this.store.append(Array.from({ length: count }, () => aStatus()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}

Deno.test("Retention deletes events older than a week once an hour", async () => {
  using time = new FakeTime(0);
  await using test = new RetentionUnderTest();
  await test.append(1);
  await time.tickAsync(HOUR_MS);
  await test.append(1);
  test.start();
  await time.tickAsync(7 * 24 * HOUR_MS - HOUR_MS);
  assertEquals(await test.store.seqRange(), { first: 1, last: 2 });
  await time.tickAsync(HOUR_MS);
  assertEquals(await test.store.seqRange(), { first: 2, last: 2 });
  await time.tickAsync(HOUR_MS);
  assertEquals(await test.store.seqRange(), { first: 3, last: 2 });
});

Deno.test("Retention limits the number of events", async () => {
  using time = new FakeTime(0);
  await using test = new RetentionUnderTest({ maxCount: 3 });
  await test.append(10);
  test.start();
  await time.tickAsync(0);
  assertEquals(await test.store.seqRange(), { first: 8, last: 10 });
});

Deno.test("Retention retries an hour after a failure", async () => {
  await using log = await new CapturedLog().start();
  using time = new FakeTime(0);
  await using test = new RetentionUnderTest({ maxCount: 3 });
  await test.append(10);
  test.store.error = new Error("database is locked");
  test.start();
  await time.tickAsync(0);
  assertStringIncludes(log.lines.join(), "database is locked");
  test.store.error = undefined;
  await time.tickAsync(HOUR_MS);
  assertEquals(await test.store.seqRange(), { first: 8, last: 10 });
});
