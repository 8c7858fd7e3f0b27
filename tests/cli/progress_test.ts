import { assertEquals } from "@std/assert";
import { renderBar } from "../../src/cli/progress.ts";

Deno.test("renderBar() shows how far it is, and what is left in time", () => {
  const half = `[${"#".repeat(15)}${"-".repeat(15)}]`;
  assertEquals(renderBar({ done: 5, total: 10, elapsed: 5_000 }), `${half} 5/10, 5s left`);
  assertEquals(renderBar({ done: 0, total: 10, elapsed: 0 }), `[${"-".repeat(30)}] 0/10`);
  assertEquals(renderBar({ done: 0, total: 0, elapsed: 0 }), `[${"#".repeat(30)}] 0/0`);
});
