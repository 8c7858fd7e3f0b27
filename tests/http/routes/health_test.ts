import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { CachedHealthCheck } from "../../../src/http/routes/health.ts";

Deno.test("CachedHealthCheck checks once per second for all callers", async () => {
  using time = new FakeTime(0);
  let checks = 0;
  let isUp = true;
  const check = new CachedHealthCheck(() => {
    checks++;
    return isUp ? Promise.resolve() : Promise.reject(new Error("down"));
  }, systemClock);
  await Promise.all([check.run(), check.run()]);
  isUp = false;
  await time.tickAsync(999);
  await check.run();
  assertEquals(checks, 1);
  await time.tickAsync(1);
  await assertRejects(() => check.run(), Error, "down");
  assertEquals(checks, 2);
  time.setNow(-60_000);
  await assertRejects(() => check.run(), Error, "down");
  assertEquals(checks, 3);
});

Deno.test("CachedHealthCheck stops checking a service with unanswered checks until it answers", async () => {
  using time = new FakeTime(0);
  const resolvers: (() => void)[] = [];
  const check = new CachedHealthCheck(
    () => new Promise((resolve) => resolvers.push(resolve)),
    systemClock,
  );
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 3; i++) {
    calls.push(check.run());
    await time.tickAsync(1_000);
  }
  await assertRejects(() => check.run(), Error, "No answer");
  assertEquals(resolvers.length, 3);
  resolvers[0]?.();
  await calls[0];
  await time.tickAsync(0);
  calls.push(check.run());
  assertEquals(resolvers.length, 4);
  for (const resolve of resolvers) resolve();
  await Promise.all(calls);
});
