import { assertEquals } from "@std/assert";
import { formatDuration, runDuration, sanitize, toDisplayState } from "../../src/cli/format.ts";
import { aFullRun } from "../fakes/fixtures/full_run.ts";

Deno.test("toDisplayState() shows the conclusion of a completed run, and the status of any other", () => {
  assertEquals(toDisplayState({ status: "completed", conclusion: "success" }), {
    word: "success",
    symbol: "✓",
    style: "green",
  });
  assertEquals(toDisplayState({ status: "in_progress", conclusion: null }).symbol, "●");
  assertEquals(toDisplayState({ status: "completed", conclusion: "timed_out" }).style, "red");
});

Deno.test("toDisplayState() shows unknown values unchanged", () => {
  const unknown = { symbol: "?", style: "gray" } as const;
  assertEquals(toDisplayState({ status: "on_hold", conclusion: null }), {
    word: "on_hold",
    ...unknown,
  });
  assertEquals(toDisplayState({ status: null, conclusion: null }), { word: "unknown", ...unknown });
  assertEquals(toDisplayState({ status: "completed", conclusion: null }).word, "unknown");
});

Deno.test("runDuration() measures from the start to the end, or to now", () => {
  const run = aFullRun({ startedAt: "2026-01-01T00:00:10Z", updatedAt: "2026-01-01T00:01:00Z" });
  const now = Date.parse("2026-01-01T00:02:10Z");
  assertEquals(runDuration({ ...run, status: "queued" }, now), undefined);
  assertEquals(runDuration({ ...run, status: "in_progress" }, now), 120_000);
  assertEquals(runDuration({ ...run, status: "completed" }, now), 50_000);
  assertEquals(runDuration({ ...run, status: "completed", startedAt: null }, now), 60_000);
});

Deno.test("formatDuration() has at most two units", () => {
  const second = 1_000;
  const hour = 3_600 * second;
  assertEquals(
    [-1, 0, 59 * second, 67 * second, hour, 26 * hour + 61 * second, 100 * 24 * hour].map(
      formatDuration,
    ),
    ["0s", "0s", "59s", "1m 07s", "1h 00m", "1d 02h", "100d 00h"],
  );
});

Deno.test("sanitize() removes characters that move the cursor or change the text direction", () => {
  assertEquals(sanitize("a\x1b[2Jb\r\nc\x07\u009b1md\u202ee"), "a [2Jb  c  1md e");
  assertEquals(sanitize("Größe 家 👩‍👩‍👧 "), "Größe 家 👩‍👩‍👧");
});
