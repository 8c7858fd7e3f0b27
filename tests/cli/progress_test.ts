import { assertEquals } from "@std/assert";
import { renderBar } from "../../src/cli/progress.ts";

Deno.test("renderBar() shows the progress and the remaining time", () => {
  const half = `[${"#".repeat(15)}${"-".repeat(15)}]`;
  assertEquals(renderBar({ done: 5, total: 10, elapsed: 5_000 }), `${half} 5/10, 5s left`);
  assertEquals(renderBar({ done: 0, total: 10, elapsed: 0 }), `[${"-".repeat(30)}] 0/10`);
  assertEquals(renderBar({ done: 0, total: 0, elapsed: 0 }), `[${"#".repeat(30)}] 0/0`);
});

Deno.test("renderBar() estimates the time from the work since the start, and marks estimated totals", () => {
  const bar = renderBar({ done: 6, total: 8, from: 4, elapsed: 5_000, estimated: "runs" });
  assertEquals(bar, `[${"#".repeat(23)}${"-".repeat(7)}] 6 of about 8 runs, 5s left`);
  const initial = renderBar({ done: 4, total: 8, from: 4, elapsed: 0, estimated: "runs" });
  assertEquals(initial, `[${"#".repeat(15)}${"-".repeat(15)}] 4 of about 8 runs`);
});
