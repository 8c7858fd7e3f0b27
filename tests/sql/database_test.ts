import { assertEquals, assertRejects } from "@std/assert";
import { sql } from "kysely";
import { systemClock } from "../../src/clock.ts";
import { StorageError, UsageError } from "../../src/errors.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { openTestDatabase, testOverDatabases } from "../fakes/database.ts";

const clock = systemClock;

Deno.test("openDatabase() refuses an unknown URL without repeating a password", async () => {
  const anyUrl =
    "Invalid database URL: expected sqlite:./FILE, sqlite:/PATH, sqlite::memory: or postgres://HOST/NAME";
  const sqliteUrl = "expected sqlite:./FILE, sqlite:/PATH or sqlite::memory:";
  const expected = {
    "": anyUrl,
    "runwire.db": anyUrl,
    "mysql://user:secret@host/name": anyUrl,
    "sqlite:": `Invalid database URL "sqlite:": ${sqliteUrl}`,
    "sqlite://runwire.db": `Invalid database URL "sqlite://runwire.db": ${sqliteUrl}`,
    "postgres://user:secret@@:x/name":
      "Invalid database URL: expected postgres://USER:PASSWORD@HOST:5432/NAME",
  };
  for (const [url, message] of Object.entries(expected)) {
    const error = await assertRejects(() => openDatabase(url, { clock }), UsageError);
    assertEquals(error.message, message);
  }
});

testOverDatabases("Database.read() returns IDs and counts as numbers", async ({ database }) => {
  const { rows } = await database.read((db) =>
    sql<{ id: number; count: number }>`
      select cast(20000000001 as bigint) as id, count(*) as count from event_counter`.execute(db)
  );
  assertEquals(rows.map((row) => ({ ...row })), [{ id: 20_000_000_001, count: 1 }]);
});

testOverDatabases("Database.write() rolls back a change that fails", async ({ database }) => {
  const failing = database.write(async (tx) => {
    await tx.updateTable("event_counter").set({ last_seq: 7 }).execute();
    throw new RangeError("No");
  });
  await assertRejects(() => failing, RangeError, "No");
  const row = await database.read((db) =>
    db.selectFrom("event_counter").select("last_seq").execute()
  );
  assertEquals(row.map(({ last_seq }) => last_seq), [0]);
  await database.check();
});

testOverDatabases("Database.read() neither waits for a transaction nor sees its changes", async (
  { database },
) => {
  const gate = Promise.withResolvers<void>();
  const writing = database.write(async (tx) => {
    await tx.updateTable("event_counter").set({ last_seq: 7 }).execute();
    await gate.promise;
  });
  const last = async () => {
    const rows = await database.read((db) =>
      db.selectFrom("event_counter").select("last_seq").execute()
    );
    return rows[0]?.last_seq;
  };
  try {
    assertEquals(await last(), 0);
  } finally {
    gate.resolve();
  }
  await writing;
  assertEquals(await last(), 7);
}, { kinds: ["sqlite", "postgres"] });

testOverDatabases("Database.close() waits for a write and rejects later work", async (
  { database, kind, reopen },
) => {
  const write = () =>
    database.write(async (tx) => {
      await clock.sleep(20);
      await tx.updateTable("event_counter").set((eb) => ({ last_seq: eb("last_seq", "+", 1) }))
        .execute();
    });
  const writing = write();
  await Promise.all([database.close(), database.close(), writing]);
  for (const late of [write, () => database.check()]) {
    const error = await assertRejects(late, StorageError);
    assertEquals(error.kind, "unavailable");
  }
  if (kind === "memory") return;
  const rows = await (await reopen()).read((db) =>
    db.selectFrom("event_counter").select("last_seq").execute()
  );
  assertEquals(rows.map(({ last_seq }) => last_seq), [1]);
});

Deno.test("Database.close() does not wait forever for work that hangs", async () => {
  await using opened = await openTestDatabase("sqlite");
  const sleeps: number[] = [];
  const impatient = {
    ...clock,
    sleep: (ms: number) => (sleeps.push(ms), Promise.resolve()),
  };
  const database = await openDatabase(opened.url, { clock: impatient });
  const gate = Promise.withResolvers<void>();
  const hanging = database.read(() => gate.promise);
  await database.close();
  assertEquals(sleeps, [4_000]);
  gate.resolve();
  await hanging;
});
