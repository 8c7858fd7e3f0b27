import { assertEquals, assertThrows } from "@std/assert";
import { parseExpiry, parseSince } from "../../src/cli/date_argument.ts";
import { DAY_MS } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";

const NOON = Date.UTC(2026, 5, 1, 12);
const LATE = Date.UTC(2026, 0, 31, 12);

Deno.test("parseSince() accepts days before now, and the start of a day", () => {
  assertEquals(parseSince("1d", NOON), NOON - DAY_MS);
  assertEquals(parseSince("400d", NOON), NOON - 400 * DAY_MS);
  assertEquals(parseSince("2026-01-01", NOON), Date.UTC(2026, 0, 1));
  assertEquals(parseSince("2026-06-01", NOON), Date.UTC(2026, 5, 1));
  assertEquals(parseSince("2025-04-27", NOON), Date.UTC(2025, 3, 27));
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
    "2025-04-26",
    "2026-01-01T00:00:00Z",
  ]
) {
  Deno.test(`parseSince() rejects ${JSON.stringify(text)}`, () => {
    const { message } = assertThrows(() => parseSince(text, NOON), UsageError);
    assertEquals(
      message,
      `Invalid --since "${text}": expected 1d to 400d, or a day within the last 400 days such as 2026-03-03`,
    );
  });
}

Deno.test("parseExpiry() accepts days from now, and the start of a day", () => {
  assertEquals(parseExpiry("1d", LATE), LATE + DAY_MS);
  assertEquals(parseExpiry("3650d", LATE), LATE + 3_650 * DAY_MS);
  assertEquals(parseExpiry("2026-02-01", LATE), Date.UTC(2026, 1, 1));
});

Deno.test("parseExpiry() rejects anything but a future day", () => {
  for (
    const text of ["0d", "3651d", "90", "2026-01-31", "2026-02-30", "2036-02-01", "tomorrow", ""]
  ) {
    const { message } = assertThrows(() => parseExpiry(text, LATE), UsageError);
    assertEquals(
      message,
      `Invalid --expires "${text}": expected 1d to 3650d, or a future day such as 2026-05-01`,
    );
  }
});
