import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { TimeRange } from "../../../src/run/backfill/backfill_progress.ts";
import {
  BackfillWindows,
  isNarrowest,
  isTooMany,
} from "../../../src/run/backfill/backfill_window.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
const RANGE = { from: 0, to: HOUR_MS };

Deno.test("BackfillWindows starts with the whole range, and continues from its first end", () => {
  assertEquals(new BackfillWindows(RANGE, "newest").current, RANGE);
  const newest = new BackfillWindows(RANGE, "newest");
  newest.narrow(1_500);
  assertEquals(newest.current, { from: HOUR_MS / 2, to: HOUR_MS });
  newest.advance(0);
  assertEquals(newest.current, { from: 0, to: HOUR_MS / 2 });
  const oldest = new BackfillWindows(RANGE, "oldest");
  oldest.narrow(1_500);
  assertEquals(oldest.current, { from: 0, to: HOUR_MS / 2 });
  oldest.advance(0);
  assertEquals(oldest.current, { from: HOUR_MS / 2, to: HOUR_MS });
  oldest.advance(0);
  assertEquals(oldest.current, undefined);
});

Deno.test("BackfillWindows has no windows for an empty range", () => {
  assertEquals(new BackfillWindows({ from: 5_000, to: 5_000 }, "newest").current, undefined);
  assertEquals(new BackfillWindows({ from: 6_000, to: 5_000 }, "oldest").current, undefined);
});

Deno.test("BackfillWindows chooses a width by the number of runs in the previous window", () => {
  const windows = new BackfillWindows(RANGE, "newest");
  const width = () => windows.current && windows.current.to - windows.current.from;
  windows.narrow(7_500);
  assertEquals(width(), HOUR_MS / 10);
  windows.advance(999);
  assertEquals(width(), HOUR_MS / 10);
  windows.advance(250);
  assertEquals(width(), HOUR_MS * 3 / 10);
  windows.narrow(1_000);
  assertEquals(width(), HOUR_MS * 3 / 20);
  windows.narrow(300_000);
  windows.narrow(1_500);
  const before = width() ?? 0;
  windows.advance(0);
  assertEquals(width(), before * 16);
});

Deno.test("BackfillWindows never narrows a window below a second", () => {
  const windows = new BackfillWindows({ from: 0, to: 3 * SECOND_MS }, "oldest");
  for (let times = 0; times < 9; times++) windows.narrow(1_500);
  assertEquals(windows.current, { from: 0, to: SECOND_MS });
  assert(isNarrowest({ from: 0, to: SECOND_MS }));
  assert(!isNarrowest({ from: 0, to: 2 * SECOND_MS }));
});

Deno.test("isTooMany() is true for exactly as many runs as GitHub lists", () => {
  assertEquals([999, 1_000, 1_001].map(isTooMany), [false, true, true]);
});

Deno.test("BackfillWindows uses whole seconds, and covers a range without gaps or overlaps", () => {
  const steps = fc.array(
    fc.oneof(fc.constant("narrow" as const), fc.integer({ min: 0, max: 999 })),
  );
  const second = fc.integer({ min: 0, max: 400 * 24 * 3_600 });
  const end = fc.constantFrom("newest" as const, "oldest" as const);
  fc.assert(fc.property(second, second, end, steps, (a, b, first, todo) => {
    const range = { from: Math.min(a, b) * SECOND_MS, to: Math.max(a, b) * SECOND_MS };
    const windows = new BackfillWindows(range, first);
    const done: TimeRange[] = [];
    for (const step of [...todo, ...Array.from({ length: 40 }, () => 0)]) {
      const { current } = windows;
      if (!current) break;
      if (step === "narrow") windows.narrow(1_500);
      else {
        done.push(current);
        windows.advance(step);
      }
    }
    const inOrder = done.toSorted((x, y) => x.from - y.from);
    assert(inOrder.every(({ from, to }) => from % SECOND_MS === 0 && to > from));
    for (const [index, { to }] of inOrder.entries()) {
      assertEquals(inOrder[index + 1]?.from ?? to, to);
    }
    if (windows.current) return;
    assertEquals([inOrder[0]?.from ?? range.to, inOrder.at(-1)?.to ?? range.to], [
      range.from,
      range.to,
    ]);
  }));
});
