import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { parseUtcDay, systemClock } from "../src/clock.ts";

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

Deno.test("systemClock.sleep() resolves at once when its signal aborts, and leaves no timer", async () => {
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

Deno.test("readDay() knows how long months are", () => {
  assertEquals(parseUtcDay("2024-02-29"), Date.UTC(2024, 1, 29));
  assertEquals(parseUtcDay("2026-02-29"), undefined);
});
