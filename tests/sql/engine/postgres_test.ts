import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sql } from "kysely";
import { systemClock as clock } from "../../../src/clock.ts";
import { StorageError, UsageError } from "../../../src/errors.ts";
import { Database, openDatabase } from "../../../src/sql/database.ts";
import { openPostgres } from "../../../src/sql/engine/postgres.ts";
import { openTestDatabase } from "../../fakes/database.ts";
import { isPostgresAvailable, POSTGRES_URL, runStatement } from "../../fakes/postgres.ts";

const ignore = !await isPostgresAvailable();

/** One connection with short timeouts. */
async function openSingleConnection({ answerMs = 10_000 } = {}): Promise<Database> {
  const limits = {
    connections: 1,
    connectMs: 200,
    statementMs: 60_000,
    answerMs,
    migrationMs: 60_000,
  };
  return new Database(await openPostgres(POSTGRES_URL, { limits }), clock);
}

async function readPid(database: Database): Promise<number> {
  const { rows } = await database.read((db) =>
    sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  );
  return rows[0]?.pid ?? 0;
}

Deno.test("openDatabase() reports an unreachable PostgreSQL without the password", async () => {
  const opening = () => openDatabase("postgres://someone:secret@127.0.0.1:1/runs", { clock });
  const { message, kind } = await assertRejects(opening, StorageError);
  assertEquals(kind, "unavailable");
  assertStringIncludes(message, '"runs" on 127.0.0.1:1');
  assertStringIncludes(message, "ECONNREFUSED");
  assert(!message.includes("secret") && !message.includes("\n"));
});

Deno.test({
  name: "openDatabase() refuses a missing PostgreSQL database",
  ignore,
  async fn() {
    const url = new URL(POSTGRES_URL);
    url.pathname = "/no_such_database";
    const { message } = await assertRejects(
      () => openDatabase(url.href, { clock }),
      UsageError,
    );
    assertStringIncludes(message, "no_such_database");
  },
});

Deno.test({
  name: "Database reconnects after the server closed an idle connection",
  ignore,
  async fn() {
    await using database = await openSingleConnection();
    const pid = await readPid(database);
    await runStatement(`select pg_terminate_backend(${pid}, 2000)`);
    const error = await database.check().then(() => undefined, (error) => error);
    // The client may not have received the end of the connection yet.
    if (error) assert(error instanceof StorageError && error.kind === "unavailable", String(error));
    await database.check();
    assert(await readPid(database) !== pid);
  },
});

Deno.test({
  name: "Database reconnects after the server ended a transaction",
  ignore,
  async fn() {
    await using database = await openSingleConnection();
    const writing = database.write(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await runStatement(`select pg_terminate_backend(${rows[0]?.pid}, 2000)`);
      await sql`select 1`.execute(tx);
    });
    const error = await assertRejects(() => writing, StorageError);
    assertEquals(error.kind, "unavailable");
    for (let again = 0; again < 3; again++) await database.check();
  },
});

Deno.test({
  name: "Database stops waiting for an answer and discards the connection",
  ignore,
  async fn() {
    await using database = await openSingleConnection({ answerMs: 200 });
    const pid = await readPid(database);
    const error = await assertRejects(
      () => database.read((db) => sql`select pg_sleep(20)`.execute(db)),
      StorageError,
    );
    assertEquals(error.kind, "unavailable");
    assert(await readPid(database) !== pid);
    await runStatement(`select pg_terminate_backend(${pid})`);
  },
});

Deno.test({
  name: "Database waits a limited time for a free connection",
  ignore,
  async fn() {
    await using database = await openSingleConnection();
    const gate = Promise.withResolvers<void>();
    const holding = database.write(() => gate.promise);
    const error = await assertRejects(() => database.check(), StorageError);
    assertEquals(error.kind, "unavailable");
    gate.resolve();
    await holding;
    await database.check();
  },
});

Deno.test({
  name: "Database.write() reports a statement that the server cancelled",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const error = await assertRejects(() =>
      opened.database.write(async (tx) => {
        await sql`set local statement_timeout = 20`.execute(tx);
        await sql`select pg_sleep(20)`.execute(tx);
      }), StorageError);
    assertEquals(error.kind, "unavailable");
    await opened.database.check();
  },
});

Deno.test({
  name: "Database.write() retries a transaction rolled back because of a deadlock",
  ignore,
  async fn() {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    await database.write((tx) =>
      tx.insertInto("event_counter").values({ id: 2, last_seq: 0 }).execute()
    );
    let tries = 0;
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const inOrder = (first: number, second: number) =>
      database.write(async (tx) => {
        tries++;
        const add = (id: number) =>
          tx.updateTable("event_counter").set((eb) => ({ last_seq: eb("last_seq", "+", 1) }))
            .where("id", "=", id).execute();
        await add(first);
        both[first - 1]?.resolve();
        await both[second - 1]?.promise;
        await add(second);
      });
    await Promise.all([inOrder(1, 2), inOrder(2, 1)]);
    const rows = await database.read((db) =>
      db.selectFrom("event_counter").select("last_seq").execute()
    );
    assertEquals(rows.map(({ last_seq }) => last_seq), [2, 2]);
    assertEquals(tries, 3);
  },
});
