import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { type Refusal, RefusedError } from "../../src/errors.ts";
import { PatientSource } from "../../src/run/backfill_patience.ts";
import { FakePast } from "../fakes/past.ts";

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 5, 1);
const SPAN = { from: NOW - MINUTE_MS, to: NOW };

function refusal(refusal: Refusal): RefusedError {
  return new RefusedError(refusal, `Refused: ${refusal.kind}`);
}

function setUp() {
  const test = {
    past: new FakePast([NOW - 1_000]),
    stop: new AbortController(),
    restUntil: undefined as number | undefined,
    askedAt: [] as number[],
    waits: [] as (readonly [number, string | undefined])[],
  };
  test.past.onAsked = () => test.askedAt.push(systemClock.now() - NOW);
  const source = new PatientSource({
    source: test.past,
    clock: systemClock,
    random: () => 0,
    restUntil: () => test.restUntil,
    onWait: (until, error) => test.waits.push([until - NOW, error?.message]),
  });
  const ask = () => source.created("octo/a", { span: SPAN }, test.stop.signal);
  return { test, ask };
}

Deno.test("PatientSource asks for nothing until what is more urgent has had its share", async () => {
  using time = new FakeTime(NOW);
  const { test, ask } = setUp();
  test.restUntil = NOW + 30 * MINUTE_MS;
  const page = ask();
  await time.tickAsync(30 * MINUTE_MS - 1);
  assertEquals(test.askedAt, []);
  await time.tickAsync(1);
  assertEquals((await page).total, 1);
  assertEquals([test.askedAt, test.waits], [[30 * MINUTE_MS], [[30 * MINUTE_MS, undefined]]]);
});

Deno.test("PatientSource goes on as soon as the budget is no longer low", async () => {
  using time = new FakeTime(NOW);
  const { test, ask } = setUp();
  test.restUntil = NOW + 60 * MINUTE_MS;
  const page = ask();
  await time.tickAsync(MINUTE_MS / 2);
  test.restUntil = undefined;
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.askedAt, [MINUTE_MS]);
});

Deno.test("PatientSource waits as long as GitHub says, and longer each time where it does not", async () => {
  using time = new FakeTime(NOW);
  const { test, ask } = setUp();
  const blind = refusal({ kind: "limited" });
  test.past.refusals = [
    refusal({ kind: "limited", retryAt: NOW + 20 * MINUTE_MS }),
    blind,
    blind,
  ];
  const page = ask();
  await time.tickAsync(60 * MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.askedAt.map((ms) => ms / MINUTE_MS), [0, 20, 22, 26]);
  assertEquals(
    test.waits,
    [20, 22, 26].map((minutes) => [
      minutes * MINUTE_MS,
      "Refused: limited",
    ]),
  );
});

Deno.test("PatientSource asks again for what is unavailable, some times within about a minute", async () => {
  using time = new FakeTime(NOW);
  const { test, ask } = setUp();
  const unavailable = refusal({ kind: "unavailable" });
  test.past.refusals = [unavailable, unavailable];
  const page = ask();
  await time.tickAsync(MINUTE_MS);
  assertEquals((await page).total, 1);
  assertEquals(test.askedAt, [0, 1_000, 3_000]);
  test.past.refusals = Array.from({ length: 99 }, () => unavailable);
  const refused = assertRejects(ask, RefusedError, "unavailable");
  await time.tickAsync(2 * MINUTE_MS);
  await refused;
  assertEquals(test.askedAt.length, 3 + 7);
});

Deno.test("PatientSource hands on what waiting does not mend", async () => {
  using _time = new FakeTime(NOW);
  for (const kind of ["missing", "unauthorized"] as const) {
    const { test, ask } = setUp();
    test.past.refusals = [refusal(kind === "missing" ? { kind, status: 404 } : { kind })];
    await assertRejects(ask, RefusedError, kind);
    assertEquals(test.askedAt, [0]);
  }
});

for (const why of ["rest", "limited", "unavailable"] as const) {
  Deno.test(`PatientSource stops at once while it waits (${why})`, async () => {
    using time = new FakeTime(NOW);
    const { test, ask } = setUp();
    if (why === "rest") test.restUntil = NOW + 60 * MINUTE_MS;
    else test.past.refusals = [refusal({ kind: why })];
    const stopped = assertRejects(ask, DOMException, "abort");
    await time.tickAsync(1);
    const asked = test.askedAt.length;
    test.stop.abort();
    await stopped;
    assertEquals([systemClock.now(), test.askedAt.length], [NOW + 1, asked]);
    assert(asked <= 1);
  });
}
