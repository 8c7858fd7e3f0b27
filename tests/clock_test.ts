import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { parseUtcDay, systemClock, TimeoutError, waitAtMost, withTimeout } from "../src/clock.ts";

Deno.test("systemClock.sleep() resolves when its time has passed", async () => {
  using time = new FakeTime(0);
  let woken = 0;
  const sleep = systemClock.sleep(5_000).then(() => woken = systemClock.now());
  await time.tickAsync(4_999);
  assertEquals(woken, 0);
  await time.tickAsync(1);
  await sleep;
  assertEquals(woken, 5_000);
});

Deno.test("systemClock.sleep() resolves immediately when its signal aborts, and leaves no timer", async () => {
  const stop = new AbortController();
  const sleep = systemClock.sleep(60_000, stop.signal);
  stop.abort();
  await sleep;
  await systemClock.sleep(60_000, stop.signal);
});

Deno.test("systemClock.every() ticks until it is stopped", async () => {
  using time = new FakeTime(0);
  let ticks = 0;
  const stop = systemClock.every(1_000, () => ticks++);
  await time.tickAsync(3_500);
  stop();
  await time.tickAsync(5_000);
  assertEquals(ticks, 3);
});

Deno.test("parseUtcDay() rejects days beyond the end of a month", () => {
  assertEquals(parseUtcDay("2024-02-29"), Date.UTC(2024, 1, 29));
  assertEquals(parseUtcDay("2026-02-29"), undefined);
});

Deno.test("withTimeout() settles as its promise within the time, and leaves no timer", async () => {
  assertEquals(await withTimeout(systemClock, 60_000, Promise.resolve("value")), "value");
  const failed = Promise.reject(new TypeError("No"));
  await assertRejects(() => withTimeout(systemClock, 60_000, failed), TypeError, "No");
});

Deno.test("withTimeout() rejects after the time, and ignores a later rejection", async () => {
  using time = new FakeTime(0);
  const { promise, reject } = Promise.withResolvers<string>();
  const timedOut = assertRejects(
    () => withTimeout(systemClock, 1_000, promise),
    TimeoutError,
    "No answer within 1000 ms",
  );
  await time.tickAsync(1_000);
  await timedOut;
  reject(new Error("late"));
  await time.runMicrotasks();
});

Deno.test("waitAtMost() resolves after the time, and rejects as its promise", async () => {
  using time = new FakeTime(0);
  let isOver = false;
  const waiting = waitAtMost(systemClock, 1_000, new Promise(() => {})).then(() => isOver = true);
  await time.tickAsync(999);
  assert(!isOver);
  await time.tickAsync(1);
  await waiting;
  const failed = Promise.reject(new TypeError("No"));
  await assertRejects(() => waitAtMost(systemClock, 1_000, failed), TypeError, "No");
});
