import { assertEquals } from "@std/assert";
import { parseDateRange } from "../../src/http/date_range.ts";

const at = (text: string) => Date.parse(text);
const JAN_1 = at("2026-01-01T00:00:00Z");
const JAN_2 = at("2026-01-02T00:00:00Z");
const FEB_1 = at("2026-02-01T00:00:00Z");
const NINE = at("2026-01-01T09:00:00Z");

Deno.test("parseDateRange() parses days, both ends included", () => {
  assertEquals(parseDateRange("2026-01-01..2026-01-31"), { from: JAN_1, before: FEB_1 });
  assertEquals(parseDateRange("2026-01-01..2026-01-01"), { from: JAN_1, before: JAN_2 });
  assertEquals(parseDateRange("2026-01-01"), { from: JAN_1, before: JAN_2 });
});

Deno.test("parseDateRange() parses times with any offset", () => {
  const range = { from: NINE, before: NINE + 1 };
  assertEquals(parseDateRange("2026-01-01T09:00:00Z"), range);
  assertEquals(parseDateRange("2026-01-01T10:00:00+01:00"), range);
  assertEquals(parseDateRange("2026-01-01T09:00:00.000Z..2026-01-01"), {
    from: NINE,
    before: JAN_2,
  });
});

Deno.test("parseDateRange() parses open ranges", () => {
  assertEquals(parseDateRange("2026-01-01..*"), { from: JAN_1, before: undefined });
  assertEquals(parseDateRange("*..2026-01-01"), { from: undefined, before: JAN_2 });
  assertEquals(parseDateRange("*..*"), { from: undefined, before: undefined });
});

Deno.test("parseDateRange() parses the comparisons of GitHub's search", () => {
  assertEquals(parseDateRange(">=2026-01-01"), { from: JAN_1 });
  assertEquals(parseDateRange(">2026-01-01"), { from: JAN_2 });
  assertEquals(parseDateRange("<=2026-01-01"), { before: JAN_2 });
  assertEquals(parseDateRange("<2026-01-01"), { before: JAN_1 });
  assertEquals(parseDateRange(">2026-01-01T09:00:00Z"), { from: NINE + 1 });
});

Deno.test("parseDateRange() rejects invalid text", async (t) => {
  for (
    const text of [
      "",
      "..",
      "*",
      "today",
      "2026-1-1",
      "2026-02-30",
      "2026-13-01",
      "2026-01-01T25:00:00Z",
      "2026-02-30T00:00:00Z",
      "2026-01-01T09:00:00",
      "2026-01-02..2026-01-01",
      "2026-01-01..2026-01-02..2026-01-03",
      "2026-01-01..",
      ">=",
      "=2026-01-01",
      "1969-12-31",
    ]
  ) {
    await t.step(`"${text}"`, () => assertEquals(parseDateRange(text), undefined));
  }
});
