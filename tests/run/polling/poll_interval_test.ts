import { assertEquals } from "@std/assert";
import { pollInterval, requestSpacing } from "../../../src/run/polling/poll_interval.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = Date.parse("2026-01-01T00:00:00Z");

const QUIET_REPOSITORY = { hasUnfinishedRun: false, hasWebhook: false, hasError: false };

Deno.test("pollInterval() grows from 20 s to 15 min while a repository has no activity", () => {
  const after = (quietMs: number) =>
    pollInterval({ ...QUIET_REPOSITORY, lastActivityAt: NOW - quietMs }, NOW);
  assertEquals(after(0), 20 * SECOND);
  assertEquals(after(-HOUR), 20 * SECOND);
  assertEquals(after(3 * MINUTE), 20 * SECOND);
  assertEquals(after(10 * MINUTE), MINUTE);
  assertEquals(after(HOUR), 6 * MINUTE);
  assertEquals(after(3 * HOUR), 15 * MINUTE);
  assertEquals(after(Infinity), 15 * MINUTE);
});

Deno.test("pollInterval() is at most 2 min while a run is unfinished", () => {
  const unfinished = { ...QUIET_REPOSITORY, hasUnfinishedRun: true };
  assertEquals(pollInterval({ ...unfinished, lastActivityAt: NOW }, NOW), 20 * SECOND);
  assertEquals(pollInterval({ ...unfinished, lastActivityAt: NOW - 24 * HOUR }, NOW), 2 * MINUTE);
});

Deno.test("pollInterval() is longer for a repository with a webhook", () => {
  const withWebhook = { ...QUIET_REPOSITORY, hasWebhook: true };
  assertEquals(pollInterval({ ...withWebhook, lastActivityAt: NOW }, NOW), 5 * MINUTE);
  assertEquals(pollInterval({ ...withWebhook, lastActivityAt: NOW - 24 * HOUR }, NOW), 30 * MINUTE);
});

Deno.test("pollInterval() is an hour for a repository that is not accessible", () => {
  const active = { ...QUIET_REPOSITORY, lastActivityAt: NOW, hasUnfinishedRun: true };
  assertEquals(pollInterval({ ...active, hasError: true }, NOW), HOUR);
});

function spacing(
  rateLimit: { limit?: number; remaining: number; toReset?: number },
  reservedPoints: (ms: number) => number = () => 0,
): number {
  const { limit = 5_000, remaining, toReset = HOUR } = rateLimit;
  return requestSpacing({ limit, remaining, resetAt: NOW + toReset }, { reservedPoints, now: NOW });
}

Deno.test("requestSpacing() spreads the quota above a tenth of the limit until the reset", () => {
  assertEquals(spacing({ remaining: 5_000 }), 800);
  assertEquals(spacing({ remaining: 1_500 }), 3_600);
  assertEquals(spacing({ remaining: 600 }), 36 * SECOND);
  assertEquals(spacing({ remaining: 600, toReset: MINUTE }), 600);
});

Deno.test("requestSpacing() reserves a tenth of the limit", () => {
  for (const remaining of [500, 499, 1, 0]) assertEquals(spacing({ remaining }), Infinity);
});

Deno.test("requestSpacing() reserves the points of other tasks, up to half of the quota", () => {
  assertEquals(spacing({ remaining: 5_000 }, (ms) => ms / 4_000), 1_000);
  assertEquals(spacing({ remaining: 5_000 }, (ms) => ms), 1_600);
});

Deno.test("requestSpacing() is 250 ms with a large quota, or without a rate limit", () => {
  assertEquals(spacing({ limit: 15_000, remaining: 15_000, toReset: MINUTE }), 250);
  const reservedPoints = () => 0;
  assertEquals(requestSpacing(undefined, { reservedPoints, now: NOW }), 250);
  assertEquals(spacing({ remaining: 0, toReset: 0 }), 250);
});

Deno.test("requestSpacing() ignores a reset that is more than an hour away", () => {
  const spare = 4_500;
  assertEquals(spacing({ remaining: 5_000, toReset: 100 * HOUR }), 61 * MINUTE / spare);
});
