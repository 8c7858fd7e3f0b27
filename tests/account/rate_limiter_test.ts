import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { MemoryRateLimiter, TokenBucket } from "../../src/account/rate_limiter.ts";
import { systemClock } from "../../src/clock.ts";

const LIMIT = { perSecond: 2, burst: 3 };

Deno.test("MemoryRateLimiter allows a burst, then the refill rate", async () => {
  using time = new FakeTime();
  const buckets = new MemoryRateLimiter(LIMIT, { clock: systemClock });
  const remaining = [];
  for (let at = 0; at < 3; at++) remaining.push((await buckets.consume("a")).remaining);
  assertEquals(remaining, [2, 1, 0]);
  assertEquals(await buckets.consume("a"), {
    isAllowed: false,
    remaining: 0,
    retryAfterMs: 500,
    resetMs: 1_500,
  });
  time.tick(499);
  assertEquals((await buckets.consume("a")).isAllowed, false);
  time.tick(1);
  assertEquals(await buckets.consume("a"), {
    isAllowed: true,
    remaining: 0,
    retryAfterMs: 500,
    resetMs: 1_500,
  });
});

Deno.test("MemoryRateLimiter never holds more than a burst", async () => {
  using time = new FakeTime();
  const buckets = new MemoryRateLimiter(LIMIT, { clock: systemClock });
  await buckets.consume("a");
  time.tick(3_600_000);
  assertEquals((await buckets.consume("a")).remaining, 2);
});

Deno.test("MemoryRateLimiter limits each client separately", async () => {
  using _time = new FakeTime();
  const buckets = new MemoryRateLimiter(LIMIT, { clock: systemClock });
  for (let at = 0; at < 10; at++) await buckets.consume("a");
  assertEquals((await buckets.consume("b")).remaining, 2);
});

Deno.test("MemoryRateLimiter handles a clock that is set back", async () => {
  let now = 1_000_000;
  const clock = { ...systemClock, now: () => now };
  const buckets = new MemoryRateLimiter(LIMIT, { clock });
  for (let at = 0; at < 3; at++) await buckets.consume("a");
  now -= 500_000;
  assertEquals((await buckets.consume("a")).isAllowed, false);
  now += 500;
  assertEquals((await buckets.consume("a")).isAllowed, true);
});

Deno.test("MemoryRateLimiter evicts the least recently active client", async () => {
  using _time = new FakeTime();
  const buckets = new MemoryRateLimiter(LIMIT, { clock: systemClock, maxClients: 2 });
  for (const client of ["a", "b", "a", "c"]) await buckets.consume(client);
  assertEquals(buckets.size, 2);
  assertEquals((await buckets.consume("a")).remaining, 0, "a is more recent than b");
  assertEquals((await buckets.consume("b")).remaining, 2);
});

Deno.test("TokenBucket allows a burst of 20, then one request every 100 ms at 10 per second", () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 5_000);
  const granted = (now: number, requests: number) =>
    Array.from({ length: requests }, () => bucket.consume(now)).filter((each) => each.isAllowed)
      .length;
  assertEquals(granted(5_000, 30), 20);
  assertEquals([granted(5_099, 5), granted(5_100, 5), granted(5_199, 5)], [0, 1, 0]);
  assertEquals([granted(6_199, 15), granted(6_200, 15)], [10, 1]);
  assertEquals(granted(9_000_000, 30), 20);
});
