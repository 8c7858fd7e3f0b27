import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { CachedHealthCheck } from "../../../src/http/routes/health.ts";

Deno.test("SharedCheck asks once for all who ask within a second, and then anew", async () => {
  using time = new FakeTime(0);
  let asked = 0;
  let isUp = true;
  const check = new CachedHealthCheck(() => {
    asked++;
    return isUp ? Promise.resolve() : Promise.reject(new Error("away"));
  }, systemClock);
  await Promise.all([check.run(), check.run()]);
  isUp = false;
  await time.tickAsync(999);
  await check.run();
  assertEquals(asked, 1);
  await time.tickAsync(1);
  await assertRejects(() => check.run(), Error, "away");
  assertEquals(asked, 2);
  time.setNow(-60_000);
  await assertRejects(() => check.run(), Error, "away");
  assertEquals(asked, 3);
});

Deno.test("SharedCheck leaves a service alone that answers nothing, until it does", async () => {
  using time = new FakeTime(0);
  const open: (() => void)[] = [];
  const check = new CachedHealthCheck(
    () => new Promise((resolve) => open.push(resolve)),
    systemClock,
  );
  const asked: Promise<void>[] = [];
  for (let i = 0; i < 3; i++) {
    asked.push(check.run());
    await time.tickAsync(1_000);
  }
  await assertRejects(() => check.run(), Error, "No answer");
  assertEquals(open.length, 3);
  open[0]?.();
  await asked[0];
  await time.tickAsync(0);
  asked.push(check.run());
  assertEquals(open.length, 4);
  for (const resolve of open) resolve();
  await Promise.all(asked);
});
