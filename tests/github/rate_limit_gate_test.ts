import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { GitHubError, type GitHubFailure, GitHubPausedError } from "../../src/errors.ts";
import { RateLimitGate } from "../../src/github/rate_limit_gate.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function createGate(random = 0): RateLimitGate {
  return new RateLimitGate({ clock: systemClock, random: () => random });
}

function failure(failure: GitHubFailure): GitHubError {
  return new GitHubError(failure, `GitHub answered: ${failure.kind}`);
}

Deno.test("RateLimitGate is closed until the time that GitHub names", () => {
  using time = new FakeTime(0);
  const gate = createGate();
  gate.assertOpen(0.1);
  gate.onFailure(failure({ kind: "rate_limited", retryAt: 10 * MINUTE_MS }));
  assertEquals(gate.backoff, { until: 10 * MINUTE_MS, reason: "rate_limited" });
  const paused = assertThrows(() => gate.assertOpen(0), GitHubPausedError);
  assertEquals(paused.until, 10 * MINUTE_MS);
  assertEquals(paused.failure, { kind: "rate_limited", retryAt: 10 * MINUTE_MS });
  assertEquals(paused.message, "GitHub answered: rate_limited");
  time.tick(10 * MINUTE_MS);
  assertEquals(gate.backoff, undefined);
  gate.assertOpen(0);
});

Deno.test("RateLimitGate is closed for at least a second, and for at most GitHub's hour", () => {
  using _time = new FakeTime(MINUTE_MS);
  const past = createGate();
  past.onFailure(failure({ kind: "rate_limited", retryAt: 0 }));
  assertEquals(past.backoff?.until, MINUTE_MS + 1_000);
  const future = createGate();
  future.onFailure(failure({ kind: "rate_limited", retryAt: 1e15 }));
  assert(Number(future.backoff?.until) <= HOUR_MS + 3 * MINUTE_MS);
});

for (const kind of ["rate_limited", "unauthorized"] as const) {
  Deno.test(`RateLimitGate closes for longer with each failure in a row (${kind})`, () => {
    using time = new FakeTime(0);
    const gate = createGate();
    const waits = [];
    for (let failures = 0; failures < 6; failures++) {
      gate.onFailure(failure({ kind }));
      const { until, reason } = gate.backoff ?? { until: 0, reason: undefined };
      assertEquals(reason, kind);
      waits.push((until - time.now) / MINUTE_MS);
      time.tick(until - time.now);
    }
    assertEquals(waits, [1, 2, 4, 8, 15, 15]);
  });
}

Deno.test("RateLimitGate adds up to a quarter of jitter to a wait of its own", () => {
  using _time = new FakeTime(0);
  const gate = createGate(0.8);
  gate.onFailure(failure({ kind: "rate_limited" }));
  assertEquals(gate.backoff?.until, 1.2 * MINUTE_MS);
});

Deno.test("RateLimitGate starts a new row after a success, unless the next failure follows at once", () => {
  using time = new FakeTime(0);
  const gate = createGate();
  const fail = () => {
    gate.onFailure(failure({ kind: "rate_limited" }));
    const wait = Number(gate.backoff?.until) - time.now;
    time.tick(wait);
    return wait / MINUTE_MS;
  };
  assertEquals([fail(), fail()], [1, 2]);
  // Lists are answered, and runs are not.
  gate.onSuccess();
  assertEquals(fail(), 4);
  gate.onSuccess();
  time.tick(10_000);
  assertEquals(fail(), 1);
  time.tick(HOUR_MS);
  assertEquals(fail(), 2);
});

Deno.test("RateLimitGate reserves a share of the rate limit until its reset", () => {
  using time = new FakeTime(0);
  const gate = createGate();
  gate.onRateLimit({ limit: 5_000, remaining: 1_000, resetAt: HOUR_MS });
  gate.assertOpen(0.1);
  const paused = assertThrows(() => gate.assertOpen(0.25), GitHubPausedError);
  assertEquals(paused.until, HOUR_MS);
  assertEquals(
    paused.message,
    "The rest of the rate limit is reserved for other tasks",
  );
  assertEquals(gate.backoff, undefined);
  gate.onRateLimit({ limit: 5_000, remaining: 499, resetAt: HOUR_MS });
  assertThrows(() => gate.assertOpen(0.1), GitHubPausedError);
  gate.assertOpen(0);
  time.tick(HOUR_MS);
  gate.assertOpen(0.25);
});

Deno.test("RateLimitGate does not stay closed for longer when the system clock is set back", () => {
  using time = new FakeTime(10 * HOUR_MS);
  const gate = createGate();
  gate.onFailure(failure({ kind: "rate_limited" }));
  time.setNow(HOUR_MS);
  assertEquals(gate.backoff?.until, HOUR_MS + MINUTE_MS);
  time.tick(MINUTE_MS);
  gate.assertOpen(0);
});
