import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  backoffUntil,
  nextTick,
  rateLimitedInterval,
  reservedUntil,
  retryDelay,
} from "../../src/run/github_rate_limit.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

Deno.test("nextTick() returns the first whole interval that is not in the past", () => {
  assertEquals(nextTick(0, 12, 0), 12);
  assertEquals(nextTick(0, 12, 5), 12);
  assertEquals(nextTick(0, 12, 12), 12);
  assertEquals(nextTick(0, 12, 13), 24);
  assertEquals(nextTick(0, 12, 120), 120);
  const whole = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(whole, fc.integer({ min: 1, max: 1_000 }), whole, (tick, interval, more) => {
      const next = nextTick(tick, interval, tick + more);
      assertEquals((next - tick) % interval, 0);
      assert(
        next > tick && next >= tick + more && next - interval < tick + Math.max(more, interval),
      );
    }),
  );
});

Deno.test("rateLimitedInterval() returns the interval while a tenth of the quota is left", () => {
  const at = { cost: 4, now: 0 };
  assertEquals(rateLimitedInterval(12_000, undefined, at), 12_000);
  assertEquals(
    rateLimitedInterval(12_000, { limit: 5_000, remaining: 500, resetAt: HOUR_MS }, at),
    12_000,
  );
});

Deno.test("rateLimitedInterval() spreads a low quota until the reset, in whole intervals", () => {
  const rateLimit = { limit: 5_000, remaining: 499, resetAt: HOUR_MS };
  // 124 polls of 4 requests in an hour: one in 29.03 s.
  assertEquals(rateLimitedInterval(12_000, rateLimit, { cost: 4, now: 0 }), 36_000);
  // Enough for every remaining poll before the reset.
  assertEquals(
    rateLimitedInterval(12_000, rateLimit, { cost: 4, now: HOUR_MS - MINUTE_MS }),
    12_000,
  );
});

Deno.test("rateLimitedInterval() lasts until the reset without any quota", () => {
  const rateLimit = { limit: 60, remaining: 0, resetAt: 10 * MINUTE_MS };
  assertEquals(rateLimitedInterval(12_000, rateLimit, { cost: 4, now: 0 }), 10 * MINUTE_MS);
  assertEquals(rateLimitedInterval(12_000, rateLimit, { cost: 4, now: 10 * MINUTE_MS }), 12_000);
});

Deno.test("rateLimitedInterval() ignores a reset beyond GitHub's hour", () => {
  const rateLimit = { limit: 60, remaining: 0, resetAt: 1_000 * HOUR_MS };
  assert(rateLimitedInterval(12_000, rateLimit, { cost: 4, now: 0 }) <= HOUR_MS + 2 * MINUTE_MS);
});

Deno.test("backoffUntil() returns the time GitHub sent", () => {
  const at = { now: 1_000, random: () => 0.5 };
  assertEquals(backoffUntil({ kind: "rate_limited", retryAt: 31_000 }, 5, at), 31_000);
  assertEquals(backoffUntil({ kind: "rate_limited", retryAt: 500 }, 0, at), 1_000);
  assert(backoffUntil({ kind: "rate_limited", retryAt: 1e15 }, 0, at) <= HOUR_MS + 2 * MINUTE_MS);
});

Deno.test("backoffUntil() grows from a minute with jitter if GitHub sends no time", () => {
  const waits = (random: number) =>
    [0, 1, 2, 3, 4, 5, 50].map((attempt) =>
      backoffUntil({ kind: "unauthorized" }, attempt, { now: 0, random: () => random }) / MINUTE_MS
    );
  assertEquals(waits(0), [1, 2, 4, 8, 15, 15, 15]);
  assertEquals(waits(0.8), [1.2, 2.4, 4.8, 9.6, 18, 18, 18]);
});

Deno.test("retryDelay() doubles from a second, with jitter", () => {
  assertEquals([0, 1, 2, 3].map((attempt) => retryDelay(attempt, () => 0)), [1e3, 2e3, 4e3, 8e3]);
  assertEquals(retryDelay(0, () => 0.8), 1_200);
});

Deno.test("reservedUntil() reserves a share of the quota until the reset", () => {
  const rateLimit = { limit: 5_000, remaining: 1_249, resetAt: HOUR_MS };
  assertEquals(reservedUntil(rateLimit, { now: 0, share: 0.25 }), HOUR_MS);
  assertEquals(
    reservedUntil({ ...rateLimit, remaining: 1_250 }, { now: 0, share: 0.25 }),
    undefined,
  );
  assertEquals(reservedUntil(rateLimit, { now: HOUR_MS, share: 0.25 }), undefined);
  assertEquals(reservedUntil(undefined, { now: 0 }), undefined);
  // The default share is a tenth, and a reset is at most an hour away.
  assertEquals(reservedUntil({ ...rateLimit, remaining: 500 }, { now: 0 }), undefined);
  assertEquals(
    reservedUntil({ limit: 5_000, remaining: 499, resetAt: 9 * HOUR_MS }, { now: 0 }),
    61 * MINUTE_MS,
  );
});
