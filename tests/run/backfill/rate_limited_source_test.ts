import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError, type GitHubFailure, isGlobal } from "../../../src/errors.ts";
import { RateLimitGate } from "../../../src/github/rate_limit_gate.ts";
import { RateLimitedSource } from "../../../src/run/backfill/rate_limited_source.ts";
import { FakeGitHubHistory } from "../../fakes/stores/github_history.ts";

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 5, 1);
const RANGE = { from: NOW - MINUTE_MS, to: NOW };

function failure(failure: GitHubFailure): GitHubError {
  return new GitHubError(failure, `Refused: ${failure.kind}`);
}

/** A source behind the gate of a background client that leaves a quarter of the rate limit. */
function setUp() {
  const gate = new RateLimitGate({ clock: systemClock, random: () => 0 });
  const test = {
    gate,
    fakeSource: new FakeGitHubHistory([NOW - 1_000]),
    stop: new AbortController(),
    requestedAt: [] as number[],
    pauses: [] as (readonly [number, string])[],
  };
  test.fakeSource.onRequest = () => test.requestedAt.push(systemClock.now() - NOW);
  const source = new RateLimitedSource({
    source: {
      async listCreated(...query) {
        query[2].throwIfAborted();
        gate.assertOpen(0.25);
        try {
          return await test.fakeSource.listCreated(...query);
        } catch (error) {
          if (error instanceof GitHubError && isGlobal(error.failure)) gate.onFailure(error);
          throw error;
        }
      },
    },
    clock: systemClock,
    random: () => 0,
    onPause: ({ until, message }) => test.pauses.push([until - NOW, message]),
  });
  const fetchPage = () => source.listCreated("octo/a", { range: RANGE }, test.stop.signal);
  return { test, fetchPage };
}

Deno.test("RateLimitedSource sends no request until the reserved share of the rate limit is free", async () => {
  using time = new FakeTime(NOW);
  const { test, fetchPage } = setUp();
  test.gate.onRateLimit({ limit: 100, remaining: 24, resetAt: NOW + 30 * MINUTE_MS });
  const page = fetchPage();
  await time.tickAsync(30 * MINUTE_MS - 1);
  assertEquals(test.requestedAt, []);
  await time.tickAsync(1);
  assertEquals((await page).total, 1);
  assertEquals([test.requestedAt, test.pauses], [[30 * MINUTE_MS], [[
    30 * MINUTE_MS,
    "The rest of the rate limit is reserved for other tasks",
  ]]]);
});

Deno.test("RateLimitedSource continues within a minute when the rate limit is no longer low", async () => {
  using time = new FakeTime(NOW);
  const { test, fetchPage } = setUp();
  test.gate.onRateLimit({ limit: 100, remaining: 24, resetAt: NOW + 60 * MINUTE_MS });
  const page = fetchPage();
  await time.tickAsync(MINUTE_MS / 2);
  test.gate.onRateLimit({ limit: 100, remaining: 25, resetAt: NOW + 60 * MINUTE_MS });
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.requestedAt, [MINUTE_MS]);
});

Deno.test("RateLimitedSource waits until the time that GitHub names, otherwise longer each time", async () => {
  using time = new FakeTime(NOW);
  const { test, fetchPage } = setUp();
  const withoutReset = failure({ kind: "rate_limited" });
  test.fakeSource.failures = [
    failure({ kind: "rate_limited", retryAt: NOW + 20 * MINUTE_MS }),
    withoutReset,
    withoutReset,
  ];
  const page = fetchPage();
  await time.tickAsync(60 * MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.requestedAt.map((ms) => ms / MINUTE_MS), [0, 20, 22, 26]);
  assertEquals(
    test.pauses,
    [20, 22, 26].map((minutes) => [minutes * MINUTE_MS, "Refused: rate_limited"]),
  );
});

Deno.test("RateLimitedSource retries an unavailable page a few times within about a minute", async () => {
  using time = new FakeTime(NOW);
  const { test, fetchPage } = setUp();
  const unavailable = failure({ kind: "unavailable" });
  test.fakeSource.failures = [unavailable, unavailable];
  const page = fetchPage();
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.requestedAt, [0, 1_000, 3_000]);
  test.fakeSource.failures = Array.from({ length: 99 }, () => unavailable);
  const rejection = assertRejects(fetchPage, GitHubError, "unavailable");
  await time.tickAsync(2 * MINUTE_MS);
  await rejection;
  assertEquals(test.requestedAt.length, 3 + 7);
});

Deno.test("RateLimitedSource throws errors that a retry cannot fix", async () => {
  using _time = new FakeTime(NOW);
  for (const kind of ["not_accessible", "unauthorized"] as const) {
    const { test, fetchPage } = setUp();
    test.fakeSource.failures = [
      failure(kind === "not_accessible" ? { kind, status: 404 } : { kind }),
    ];
    await assertRejects(fetchPage, GitHubError, kind);
    assertEquals(test.requestedAt, [0]);
  }
});

for (const why of ["reserved", "rate_limited", "unavailable"] as const) {
  Deno.test(`RateLimitedSource stops at once while it waits (${why})`, async () => {
    using time = new FakeTime(NOW);
    const { test, fetchPage } = setUp();
    if (why === "reserved") {
      test.gate.onRateLimit({ limit: 100, remaining: 0, resetAt: NOW + 60 * MINUTE_MS });
    } else test.fakeSource.failures = [failure({ kind: why })];
    const stopped = assertRejects(fetchPage, DOMException, "abort");
    await time.tickAsync(1);
    const requests = test.requestedAt.length;
    test.stop.abort();
    await stopped;
    assertEquals([systemClock.now(), test.requestedAt.length], [NOW + 1, requests]);
    assert(requests <= 1);
  });
}
