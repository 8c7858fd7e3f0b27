import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { ReaderPool, type ReaderPoolOptions } from "../../../src/sql/engine/reader_pool.ts";
import { TemporaryFolder } from "../../fakes/folder.ts";
import { withTimeout } from "../../fakes/wait.ts";

/** Takes a second or so. */
const SLOW_QUERY =
  "with recursive c (n) as (select 1 union all select n + 1 from c where n < 4000000) " +
  "select count(*) as count from c";
/** What is asked to `die` ends the Worker; to all else it says nothing. */
const CRASHING_WORKER = `onmessage = () => {
  postMessage({});
  onmessage = ({ data }) => {
    if (data?.sql === "die") throw new Error("It died");
    postMessage({ result: { columns: [], rows: [] } });
  };
};`;

/** Says nothing more once it is asked to `hang`. */
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
  /** Lets so many seconds pass for the readers. */
  advance(seconds: number): void;
  query(sql: string, ...parameters: (string | number)[]): Promise<unknown[][]>;
}

/** Readers of a file with a table `t` of one row, 1. */
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

Deno.test("Readers.query() answers each of many reads that are asked at once", async () => {
  await using opened = await open();
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const answers = await Promise.all(
    numbers.map((n) => opened.query("select ?, ? + a from t", n, n)),
  );
  assertEquals(answers, numbers.map((n) => [[n, n + 1]]));
});

Deno.test("Readers.query() answers a quick read before a slow one that came first", async () => {
  await using opened = await open();
  const order: string[] = [];
  await Promise.all([
    opened.query(SLOW_QUERY).then(() => order.push("slow")),
    opened.query("select 1").then(() => order.push("quick")),
  ]);
  assertEquals(order, ["quick", "slow"]);
});

Deno.test("Readers.query() reads what was committed before it", async () => {
  await using opened = await open();
  for (let value = 2; value < 30; value++) {
    opened.writer.prepare("update t set a = ?").run(value);
    assertEquals(await opened.query("select a from t"), [[value]]);
  }
});

Deno.test("Readers.query() names the columns after another has changed the schema", async () => {
  await using opened = await open({ count: 1 });
  const all = () => opened.pool.query({ sql: "select * from t", parameters: [] });
  assertEquals((await all()).columns, ["a"]);
  opened.writer.exec("alter table t add column b text");
  // Of a statement that is kept node:sqlite may tell the old columns once more.
  const { columns, rows } = await all();
  assertEquals(columns.length, rows[0]?.length);
  assertEquals(await all(), { columns: ["a", "b"], rows: [[1, null]] });
});

Deno.test("Readers.query() throws what SQLite says, and goes on", async () => {
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

Deno.test("Readers.query() gives up on a read that takes over 10 s, and others go on", async () => {
  await using opened = await open({ program: HANGING_WORKER });
  const hanging = opened.query("hang");
  opened.advance(10);
  assertEquals(await opened.query("select 1"), []);
  opened.advance(1);
  await assertUnavailable(hanging, "A read took too long");
  const others = Array.from({ length: 20 }, () => opened.query("select 1"));
  await withTimeout(Promise.all(others), "an answer of the other reader");
});

Deno.test("Readers.query() uses a reader again that has ended what was given up", async () => {
  await using opened = await open({ count: 1 });
  const slow = opened.query(SLOW_QUERY);
  opened.advance(11);
  await assertUnavailable(slow, "A read took too long");
  const waiting = opened.query("select 1");
  assertEquals(await waiting, [[1]]);
});

Deno.test("Readers.query() gives up on what waits behind a slow read, too", async () => {
  await using opened = await open({ count: 1 });
  const asked = [SLOW_QUERY, ...Array.from({ length: 10 }, () => "select 1")].map((sql) =>
    opened.query(sql)
  );
  opened.advance(11);
  for (const answer of asked) await assertUnavailable(answer, "A read took too long");
});

Deno.test("Readers.query() refuses a read when a thousand wait", async () => {
  await using opened = await open({ count: 1 });
  const slow = opened.query(SLOW_QUERY);
  const others = Array.from({ length: 1_003 }, () => opened.query("select 1"));
  await assertUnavailable(opened.query("select 1"), "Too many reads wait already");
  await Promise.all([slow, ...others]);
  assertEquals(await opened.query("select 1"), [[1]]);
});

Deno.test("Readers.query() goes on with the others when a reader dies", async () => {
  await using opened = await open({ program: CRASHING_WORKER });
  await assertUnavailable(opened.query("die"), "It died");
  for (let again = 0; again < 5; again++) assertEquals(await opened.query("live"), []);
  const last = ["die", "live", "live"].map((sql) => opened.query(sql));
  for (const answer of last) await assertUnavailable(answer, "It died");
  await assertUnavailable(opened.query("live"), "It died");
});

Deno.test("Readers.close() answers what is under way, and nothing later", async () => {
  await using opened = await open();
  const asked = [opened.query(SLOW_QUERY), opened.query("select 1"), opened.query("select 2")];
  await opened.pool.close();
  assertEquals(await Promise.all(asked), [[[4_000_000]], [[1]], [[2]]]);
  await assertUnavailable(opened.query("select 1"), "closed");
});

Deno.test("Readers.close() does not wait for a read that was given up", async () => {
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

Deno.test("Readers.open() refuses a file that is missing", async () => {
  await using folder = await TemporaryFolder.create();
  const opening = () =>
    ReaderPool.open(`${folder.path}/a.db`, { clock: systemClock, timeout: 2_000 });
  await assertRejects(opening, Error, "unable to open database file");
});
