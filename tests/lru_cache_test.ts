import { assertEquals } from "@std/assert";
import { LruCache } from "../src/lru_cache.ts";

Deno.test("LatelyUsed forgets what was not asked for the longest", () => {
  const values = new LruCache<string, number>(2);
  values.set("a", 1);
  values.set("b", 2);
  assertEquals(values.get("a"), 1);
  values.set("c", 3);
  assertEquals([values.get("a"), values.get("b"), values.get("c")], [1, undefined, 3]);
  values.set("a", 4);
  assertEquals([values.size, values.get("a")], [2, 4]);
});
