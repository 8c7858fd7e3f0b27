import { assertEquals, assertThrows } from "@std/assert";
import { parseExpiry } from "../../src/cli/expiry.ts";
import { DAY_MS } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";

const NOW = Date.UTC(2026, 0, 31, 12);

Deno.test("parseExpiry() takes days from now, or a day", () => {
  assertEquals(parseExpiry("1d", NOW), NOW + DAY_MS);
  assertEquals(parseExpiry("3650d", NOW), NOW + 3_650 * DAY_MS);
  assertEquals(parseExpiry("2026-02-01", NOW), Date.UTC(2026, 1, 1));
});

Deno.test("parseExpiry() refuses what is no day to come, and says what is", () => {
  for (
    const text of ["0d", "3651d", "90", "2026-01-31", "2026-02-30", "2036-02-01", "tomorrow", ""]
  ) {
    const { message } = assertThrows(() => parseExpiry(text, NOW), UsageError);
    assertEquals(
      message,
      `Cannot use --expires "${text}": allowed is 1d to 3650d, or a day to come such as 2026-05-01`,
    );
  }
});
