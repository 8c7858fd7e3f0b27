import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseSince } from "../../src/cli/date_argument.ts";
import { UsageError } from "../../src/errors.ts";

const NOON = Date.UTC(2026, 5, 1, 12);
const DAY_MS = 24 * 60 * 60 * 1_000;

Deno.test("parseSince() takes days before now, and a day from its beginning", () => {
  assertEquals(parseSince("1d", NOON), NOON - DAY_MS);
  assertEquals(parseSince("400d", NOON), NOON - 400 * DAY_MS);
  assertEquals(parseSince("2026-01-01", NOON), Date.UTC(2026, 0, 1));
  assertEquals(parseSince("2026-06-01", NOON), Date.UTC(2026, 5, 1));
});

for (
  const text of [
    "",
    "90",
    "0d",
    "401d",
    "-1d",
    "1.5d",
    "90 d",
    "yesterday",
    "2026-6-1",
    "2026-02-30",
    "2026-06-02",
    "2025-01-01",
    "2026-01-01T00:00:00Z",
  ]
) {
  Deno.test(`parseSince() says what is allowed instead of ${JSON.stringify(text)}`, () => {
    const { message } = assertThrows(() => parseSince(text, NOON), UsageError);
    assertMatch(message, /^Cannot use --since ".*": allowed is 1d to 400d, or .* 2026-03-03$/);
  });
}
