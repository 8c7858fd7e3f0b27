import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { ReaderPool, type ReaderPoolOptions } from "../../../src/sql/engine/reader_pool.ts";
import { TemporaryFolder } from "../../fakes/folder.ts";
import { withTimeout } from "../../fakes/wait.ts";

/** Takes about a second. */
const SLOW_QUERY =
  "with recursive c (n) as (select 1 union all select n + 1 from c where n < 4000000) " +
  "select count(*) as count from c";
/** Ends on `die` and replies to nothing else. */
const CRASHING_WORKER = `onmessage = () => {
  postMessage({});
  onmessage = ({ data }) => {
    if (data?.sql === "die") throw new Error("It died");
    postMessage({ result: { columns: [], rows: [] } });
  };
};`;

/** Stops replying after `hang`. */
const HANGING_WORKER = `onmessage = () => {
  let hangs = false;
  postMessage({});
  onmessage = ({ data }) => {
    hangs ||= data?.sql === "hang";
    if (!hangs) postMessage({ result: { columns: [], rows: [] } });
  };
};`;

interface TestPool extends AsyncDisposable {
  readonly pool: ReaderPool;
  readonly writer: DatabaseSync;
  /** Advances the clock of the readers. */
  advance(seconds: number): void;
  query(sql: string, ...parameters: (string | number)[]): Promise<unknown[][]>;
}

/** Readers of a file with a table `t` that has one row, 1. */
async function open(options: Partial<ReaderPoolOptions> = {}): Promise<TestPool> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await TemporaryFolder.create());
  const writer = stack.adopt(new DatabaseSync(`${path}/a.db`), (file) => file.close());
  writer.exec("pragma journal_mode = wal; create table t (a integer); insert into t values (1)");
  let tick = () => {};
  const clock = {
    ...systemClock,
    every: (_ms: number, each: () => void) => (tick = each, () => {}),
  };
  const readers = await ReaderPool.open(`${path}/a.db`, { clock, timeout: 2_000, ...options });
  stack.defer(() => readers.close());
  const all = stack.move();
  return {
    pool: readers,
    writer,
    advance: (seconds) => {
      for (let second = 0; second < seconds; second++) tick();
    },
    query: async (sql, ...parameters) =>
      (await readers.query({ sql, parameters })).rows.map((row) => [...row]),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function assertUnavailable(answer: Promise<unknown>, words: string): Promise<void> {
  const { kind } = await assertRejects(() => answer, StorageError, words);
  assertEquals(kind, "unavailable");
}

Deno.test("ReaderPool.query() answers each of many concurrent reads", async () => {
  await using opened = await open();
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const answers = await Promise.all(
    numbers.map((n) => opened.query("select ?, ? + a from t", n, n)),
  );
  assertEquals(answers, numbers.map((n) => [[n, n + 1]]));
});

Deno.test("ReaderPool.query() answers a quick read before an earlier slow one", async () => {
  await using opened = await open();
  const order: string[] = [];
  await Promise.all([
    opened.query(SLOW_QUERY).then(() => order.push("slow")),
    opened.query("select 1").then(() => order.push("quick")),
  ]);
  assertEquals(order, ["quick", "slow"]);
});

Deno.test("ReaderPool.query() reads data committed before", async () => {
  await using opened = await open();
  for (let value = 2; value < 30; value++) {
    opened.writer.prepare("update t set a = ?").run(value);
    assertEquals(await opened.query("select a from t"), [[value]]);
  }
});

Deno.test("ReaderPool.query() returns current columns after another connection changed the schema", async () => {
  await using opened = await open({ count: 1 });
  const all = () => opened.pool.query({ sql: "select * from t", parameters: [] });
  assertEquals((await all()).columns, ["a"]);
  opened.writer.exec("alter table t add column b text");
  // For a cached statement node:sqlite may return the old columns once more.
  const { columns, rows } = await all();
  assertEquals(columns.length, rows[0]?.length);
  assertEquals(await all(), { columns: ["a", "b"], rows: [[1, null]] });
});

Deno.test("ReaderPool.query() throws an error of SQLite, and continues", async () => {
  await using opened = await open({ count: 1 });
  const error = await assertRejects(
    () => opened.query("select * from u"),
    Error,
    "no such table: u",
  );
  assertEquals("code" in error && error.code, "ERR_SQLITE_ERROR");
  await assertRejects(() => opened.query("delete from t"), Error, "readonly database");
  assertEquals(await opened.query("select a from t"), [[1]]);
});

Deno.test("ReaderPool.query() rejects a read after 10 s, and others continue", async () => {
  await using opened = await open({ program: HANGING_WORKER });
  const hanging = opened.query("hang");
  opened.advance(10);
  assertEquals(await opened.query("select 1"), []);
  opened.advance(1);
  await assertUnavailable(hanging, "A read took too long");
  const others = Array.from({ length: 20 }, () => opened.query("select 1"));
  await withTimeout(Promise.all(others), "an answer of the other reader");
});

Deno.test("ReaderPool.query() reuses a reader after its timed-out query has ended", async () => {
  await using opened = await open({ count: 1 });
  const slow = opened.query(SLOW_QUERY);
  opened.advance(11);
  await assertUnavailable(slow, "A read took too long");
  const waiting = opened.query("select 1");
  assertEquals(await waiting, [[1]]);
});

Deno.test("ReaderPool.query() rejects reads queued behind a slow one, too", async () => {
  await using opened = await open({ count: 1 });
  const reads = [SLOW_QUERY, ...Array.from({ length: 10 }, () => "select 1")].map((sql) =>
    opened.query(sql)
  );
  opened.advance(11);
  for (const answer of reads) await assertUnavailable(answer, "A read took too long");
});

Deno.test("ReaderPool.query() rejects a read when a thousand are queued", async () => {
  await using opened = await open({ count: 1 });
  const slow = opened.query(SLOW_QUERY);
  const others = Array.from({ length: 1_003 }, () => opened.query("select 1"));
  await assertUnavailable(opened.query("select 1"), "Too many queued reads");
  await Promise.all([slow, ...others]);
  assertEquals(await opened.query("select 1"), [[1]]);
});

Deno.test("ReaderPool.query() continues with the other readers when one ends", async () => {
  await using opened = await open({ program: CRASHING_WORKER });
  await assertUnavailable(opened.query("die"), "It died");
  for (let again = 0; again < 5; again++) assertEquals(await opened.query("live"), []);
  const last = ["die", "live", "live"].map((sql) => opened.query(sql));
  for (const answer of last) await assertUnavailable(answer, "It died");
  await assertUnavailable(opened.query("live"), "It died");
});

Deno.test("ReaderPool.close() answers pending reads and rejects later ones", async () => {
  await using opened = await open();
  const reads = [opened.query(SLOW_QUERY), opened.query("select 1"), opened.query("select 2")];
  await opened.pool.close();
  assertEquals(await Promise.all(reads), [[[4_000_000]], [[1]], [[2]]]);
  await assertUnavailable(opened.query("select 1"), "closed");
});

Deno.test("ReaderPool.close() does not wait for a timed-out read", async () => {
  await using opened = await open({ count: 1 });
  const slow = opened.query(SLOW_QUERY.replace("4000000", "10000000"));
  opened.advance(11);
  await assertUnavailable(slow, "A read took too long");
  let turns = 0;
  const counting = new AbortController();
  const closed = opened.pool.close().then(() => counting.abort());
  for (; !counting.signal.aborted; turns++) await systemClock.sleep(1);
  await closed;
  assert(turns < 1_000, `${turns} turns`);
});

Deno.test("ReaderPool.open() rejects a missing file", async () => {
  await using folder = await TemporaryFolder.create();
  const opening = () =>
    ReaderPool.open(`${folder.path}/a.db`, { clock: systemClock, timeout: 2_000 });
  await assertRejects(opening, Error, "unable to open database file");
});
