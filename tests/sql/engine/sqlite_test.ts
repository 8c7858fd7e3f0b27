import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sql } from "kysely";
import { DatabaseSync } from "node:sqlite";
import { systemClock as clock } from "../../../src/clock.ts";
import { StorageError, UsageError } from "../../../src/errors.ts";
import { openDatabase } from "../../../src/sql/database.ts";
import { migrate } from "../../../src/sql/migrate.ts";
import { openTestDatabase } from "../../fakes/database.ts";

/** A temporary folder, removed when it is disposed of. */
async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "runwire-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Expects a one-line message that names the file and contains `words`. */
async function assertRefused(path: string, words: string, { serve = false } = {}): Promise<void> {
  const opening = async () => {
    await using database = await openDatabase(`sqlite:${path}`, { clock, serve });
    await migrate(database);
  };
  const { message } = await assertRejects(opening, UsageError);
  assertStringIncludes(message, `"${path}"`);
  assertStringIncludes(message, words);
  assert(!message.includes("\n"));
}

Deno.test("openDatabase() opens a SQLite file with full durability, and checkpoints the WAL on close", async () => {
  await using folder = await temporaryFolder();
  const database = await openDatabase(`sqlite:${folder.path}/a.db`, { clock });
  const pragma = (name: string) =>
    database.write(async (tx) =>
      Object.values(
        (await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(tx)).rows[0] ?? {},
      )[0]
    );
  assertEquals(await pragma("journal_mode"), "wal");
  assertEquals(await pragma("synchronous"), 2);
  assertEquals(await pragma("foreign_keys"), 1);
  await migrate(database);
  await database.close();
  const names = (await Array.fromAsync(Deno.readDir(folder.path))).map(({ name }) => name);
  assertEquals(names, ["a.db"]);
});

Deno.test("openDatabase() refuses a file that is not a database", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/notes.txt`;
  await Deno.writeTextFile(path, "Dear diary,\n".repeat(1_000));
  await assertRefused(path, "is not an SQLite database");
});

Deno.test("openDatabase() refuses a folder that is missing or is a file", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/file`, "");
  for (const serve of [false, true]) {
    await assertRefused(`${folder.path}/missing/a.db`, "its folder is missing", { serve });
    await assertRefused(`${folder.path}/file/a.db`, "its folder is missing", { serve });
  }
});

Deno.test({
  name: "openDatabase() refuses a folder that is not writable",
  ignore: Deno.build.os !== "linux",
  // Not even root can write there.
  fn: () => assertRefused("/proc/a.db", "its folder is missing or not writable"),
});

Deno.test("openDatabase() refuses a file that another program has locked", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a.db`;
  const other = new DatabaseSync(path);
  other.exec("pragma locking_mode = exclusive; begin exclusive; create table t (a); commit");
  try {
    await assertRefused(path, "another program has locked it");
  } finally {
    other.close();
  }
  await using database = await openDatabase(`sqlite:${path}`, { clock });
  await migrate(database);
});

Deno.test("openDatabase() lets one server use a file, and other programs open it", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a.db`;
  const serving = await openDatabase(`sqlite:${path}`, { clock, serve: true });
  await migrate(serving);
  await assertRefused(path, "another Runwire server is using it", { serve: true });
  await using beside = await openDatabase(`sqlite:${path}`, { clock });
  assertEquals(await migrate(beside), []);
  await serving.close();
  await using _next = await openDatabase(`sqlite:${path}`, { clock, serve: true });
});

Deno.test("Database.write() reports a locked file, and writes after it is unlocked", async () => {
  await using opened = await openTestDatabase("sqlite");
  const { database, url } = opened;
  const other = new DatabaseSync(url.slice("sqlite:".length));
  other.exec("begin immediate");
  const write = () =>
    database.write((tx) => tx.updateTable("event_counter").set({ last_seq: 7 }).execute());
  const error = await assertRejects(write, StorageError, "locked");
  assertEquals(error.kind, "unavailable");
  await database.check();
  other.exec("commit");
  other.close();
  await write();
});

Deno.test("Database.write() reports a full disk, and writes when there is space again", async () => {
  await using opened = await openTestDatabase("sqlite");
  const { database } = opened;
  const pragma = (text: string) => database.write((tx) => sql.raw(text).execute(tx));
  const write = (length: number) =>
    database.write((tx) =>
      tx.insertInto("events").values({ seq: 1, at_ms: 0, event: "x".repeat(length) }).execute()
    );
  await pragma("pragma max_page_count = 40");
  const error = await assertRejects(() => write(1_000_000), StorageError, "its disk is full");
  assertEquals(error.kind, "full");
  await write(1);
  const rows = await database.read((db) => db.selectFrom("events").select("event").execute());
  assertEquals(rows.map(({ event }) => event), ["x"]);
});

Deno.test("Database.read() does not block the event loop", async () => {
  await using opened = await openTestDatabase("sqlite");
  let isRead = false;
  const reading = opened.database.read((db) =>
    sql<
      { count: number }
    >`with recursive c (n) as (select 1 union all select n + 1 from c where n < 4000000)
      select count(*) as count from c`.execute(db)
  ).finally(() => isRead = true);
  let turns = 0;
  for (; !isRead; turns++) await clock.sleep(1);
  assertEquals((await reading).rows, [{ count: 4_000_000 }]);
  // On this thread there would be two.
  assert(turns > 20, `${turns} turns`);
});

Deno.test("Database.read() cannot write", async () => {
  await using opened = await openTestDatabase("sqlite");
  const write = () =>
    opened.database.read((db) => db.updateTable("event_counter").set({ last_seq: 7 }).execute());
  await assertRejects(write, StorageError, "it is read-only");
  const begin = () =>
    opened.database.read((db) => db.transaction().execute(() => Promise.resolve()));
  await assertRejects(begin, TypeError, "use Database.write()");
});

Deno.test("Database.read() reports a damaged file", async () => {
  await using opened = await openTestDatabase("sqlite");
  await opened.database.close();
  const path = opened.url.slice("sqlite:".length);
  const file = new DatabaseSync(path, { readOnly: true });
  const root = "select (rootpage - 1) * page_size as start, rootpage * page_size as end";
  const page = file.prepare(`${root} from sqlite_schema, pragma_page_size where name = 'events'`)
    .get();
  file.close();
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0xff, Number(page?.start), Number(page?.end)));
  const database = await opened.reopen();
  const read = () => database.read((db) => db.selectFrom("events").selectAll().execute());
  const error = await assertRejects(read, StorageError, "damaged");
  assertEquals(error.kind, "corrupt");
});
