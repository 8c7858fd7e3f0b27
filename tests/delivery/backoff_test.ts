import { assertEquals } from "@std/assert";
import { MAX_FAILURES, retryAt } from "../../src/delivery/backoff.ts";

Deno.test("retryAt() quadruples the delay after each failure, and gives up after five", () => {
  const delays = [1, 2, 3, 4, 5, 6].map((failures) =>
    retryAt(failures, { now: 1_000_000, random: () => 0 })
  );
  assertEquals(delays, [1_001_000, 1_004_000, 1_016_000, 1_064_000, undefined, undefined]);
  assertEquals(MAX_FAILURES, 5);
});

Deno.test("retryAt() adds up to 50 % of jitter", () => {
  const at = (random: number) => retryAt(2, { now: 0, random: () => random });
  assertEquals([at(0), at(0.5), at(1)], [4_000, 5_000, 6_000]);
});
