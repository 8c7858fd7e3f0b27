import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { StatementCache } from "../../../src/sql/engine/statement_cache.ts";

Deno.test("StatementCache.prepare() returns the same statement for the same text", () => {
  const sqlite = new StatementCache(new DatabaseSync(":memory:"));
  const text = "select ? as value";
  const statement = sqlite.prepare(text);
  assertEquals(sqlite.prepare(text) === statement, true);
  assertEquals(sqlite.size, 1);
  assertEquals(sqlite.prepare(text).all([1]).map((row) => ({ ...Object(row) })), [{ value: 1 }]);
  assertEquals(sqlite.prepare(text).all(["a"]).map((row) => ({ ...Object(row) })), [
    { value: "a" },
  ]);
  sqlite.close();
});

Deno.test("StatementCache.prepare() evicts the least recently used statement", () => {
  const sqlite = new StatementCache(new DatabaseSync(":memory:"), { max: 2 });
  const one = sqlite.prepare("select 1");
  const two = sqlite.prepare("select 2");
  assertEquals(sqlite.prepare("select 1") === one, true);
  sqlite.prepare("select 3");
  assertEquals(sqlite.size, 2);
  assertEquals(sqlite.prepare("select 1") === one, true);
  assertEquals(sqlite.prepare("select 2") === two, false);
  sqlite.close();
});

Deno.test("StatementCache works after a schema change", () => {
  const sqlite = new StatementCache(new DatabaseSync(":memory:"));
  sqlite.prepare("create table t (a integer)").run([]);
  const insert = () => sqlite.prepare("insert into t (a) values (?)").run([20_000_000_001]).changes;
  const all = () => sqlite.prepare("select * from t").all([]).map((row) => ({ ...Object(row) }));
  assertEquals(insert(), 1);
  assertEquals(all(), [{ a: 20_000_000_001 }]);
  sqlite.prepare("alter table t add column b text").run([]);
  assertEquals(insert(), 1);
  assertEquals(all()[1], { a: 20_000_000_001, b: null });
  sqlite.close();
});

Deno.test("StatementCache rejects a value of a type that SQLite does not have", () => {
  const sqlite = new StatementCache(new DatabaseSync(":memory:"));
  assertThrows(() => sqlite.prepare("select ?").all([true]), TypeError, "boolean");
  assertThrows(() => sqlite.prepare("select ?").all([undefined]), TypeError, "undefined");
  sqlite.close();
});
