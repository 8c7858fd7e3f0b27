import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../../src/clock.ts";
import { GitHubError, type GitHubFailure } from "../../../src/errors.ts";
import { RateLimitedSource } from "../../../src/run/backfill/rate_limited_source.ts";
import { FakeGitHubHistory } from "../../fakes/stores/github_history.ts";

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 5, 1);
const RANGE = { from: NOW - MINUTE_MS, to: NOW };

function failure(failure: GitHubFailure): GitHubError {
  return new GitHubError(failure, `Refused: ${failure.kind}`);
}

function setUp() {
  const test = {
    fakeSource: new FakeGitHubHistory([NOW - 1_000]),
    stop: new AbortController(),
    pausedUntil: undefined as number | undefined,
    requestedAt: [] as number[],
    waits: [] as (readonly [number, string | undefined])[],
  };
  test.fakeSource.onRequest = () => test.requestedAt.push(systemClock.now() - NOW);
  const source = new RateLimitedSource({
    source: test.fakeSource,
    clock: systemClock,
    random: () => 0,
    pausedUntil: () => test.pausedUntil,
    onWait: (until, error) => test.waits.push([until - NOW, error?.message]),
  });
  const fetchPage = () => source.listCreated("octo/a", { range: RANGE }, test.stop.signal);
  return { test, ask: fetchPage };
}

Deno.test("PatientSource asks for nothing until what is more urgent has had its share", async () => {
  using time = new FakeTime(NOW);
  const { test, ask: fetchPage } = setUp();
  test.pausedUntil = NOW + 30 * MINUTE_MS;
  const page = fetchPage();
  await time.tickAsync(30 * MINUTE_MS - 1);
  assertEquals(test.requestedAt, []);
  await time.tickAsync(1);
  assertEquals((await page).total, 1);
  assertEquals([test.requestedAt, test.waits], [[30 * MINUTE_MS], [[30 * MINUTE_MS, undefined]]]);
});

Deno.test("PatientSource goes on as soon as the budget is no longer low", async () => {
  using time = new FakeTime(NOW);
  const { test, ask: fetchPage } = setUp();
  test.pausedUntil = NOW + 60 * MINUTE_MS;
  const page = fetchPage();
  await time.tickAsync(MINUTE_MS / 2);
  test.pausedUntil = undefined;
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.requestedAt, [MINUTE_MS]);
});

Deno.test("PatientSource waits as long as GitHub says, and longer each time where it does not", async () => {
  using time = new FakeTime(NOW);
  const { test, ask: fetchPage } = setUp();
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
    test.waits,
    [20, 22, 26].map((minutes) => [
      minutes * MINUTE_MS,
      "Refused: rate_limited",
    ]),
  );
});

Deno.test("PatientSource asks again for what is unavailable, some times within about a minute", async () => {
  using time = new FakeTime(NOW);
  const { test, ask: fetchPage } = setUp();
  const unavailable = failure({ kind: "unavailable" });
  test.fakeSource.failures = [unavailable, unavailable];
  const page = fetchPage();
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.requestedAt, [0, 1_000, 3_000]);
  test.fakeSource.failures = Array.from({ length: 99 }, () => unavailable);
  const refused = assertRejects(fetchPage, GitHubError, "unavailable");
  await time.tickAsync(2 * MINUTE_MS);
  await refused;
  assertEquals(test.requestedAt.length, 3 + 7);
});

Deno.test("PatientSource hands on what waiting does not mend", async () => {
  using _time = new FakeTime(NOW);
  for (const kind of ["not_accessible", "unauthorized"] as const) {
    const { test, ask: fetchPage } = setUp();
    test.fakeSource.failures = [
      failure(kind === "not_accessible" ? { kind, status: 404 } : { kind }),
    ];
    await assertRejects(fetchPage, GitHubError, kind);
    assertEquals(test.requestedAt, [0]);
  }
});

for (const why of ["rest", "rate_limited", "unavailable"] as const) {
  Deno.test(`PatientSource stops at once while it waits (${why})`, async () => {
    using time = new FakeTime(NOW);
    const { test, ask: fetchPage } = setUp();
    if (why === "rest") test.pausedUntil = NOW + 60 * MINUTE_MS;
    else test.fakeSource.failures = [failure({ kind: why })];
    const stopped = assertRejects(fetchPage, DOMException, "abort");
    await time.tickAsync(1);
    const asked = test.requestedAt.length;
    test.stop.abort();
    await stopped;
    assertEquals([systemClock.now(), test.requestedAt.length], [NOW + 1, asked]);
    assert(asked <= 1);
  });
}
