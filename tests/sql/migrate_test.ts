import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sql } from "kysely";
import { systemClock as clock } from "../../src/clock.ts";
import { StorageError, UsageError } from "../../src/errors.ts";
import { Database, openDatabase } from "../../src/sql/database.ts";
import { lockMigrations, migrate, schemaState } from "../../src/sql/migrate.ts";
import { openPostgres } from "../../src/sql/engine/postgres.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { createTestSchema, isPostgresAvailable, runStatement } from "../fakes/postgres.ts";

/** Short, but long enough for a busy machine. */
const QUERY_TIMEOUT_MS = 500;
const ALL = ["0001_initial"];

Deno.test("migrate() returns the migrations it ran, and runs none again", async () => {
  await using database = await openDatabase("sqlite::memory:", { clock });
  assertEquals(await migrate(database), ALL);
  assertEquals(await migrate(database), []);
});

testOverDatabases("migrate() refuses a database that a newer version has changed", async (
  { database },
) => {
  await insertMigration(database, "0999_later");
  assertEquals(await schemaState(database), "newer");
  const { message } = await assertRejects(() => migrate(database), UsageError);
  assertEquals(
    message,
    `Cannot use the database ${database.name}: it was changed by a newer version of Runwire ` +
      "(0999_later); use that version or a newer one",
  );
});

testOverDatabases("migrate() refuses a database that a pre-release has created", async (
  { database },
) => {
  await database.write((tx) => sql`delete from kysely_migration`.execute(tx));
  for (const name of ["0001_runs", "0002_events", "0012_leases"]) {
    await insertMigration(database, name);
  }
  assertEquals(await schemaState(database), "pre_release");
  const { message } = await assertRejects(() => migrate(database), UsageError);
  assertEquals(
    message,
    `Cannot use the database ${database.name}: it was created by a pre-release of Runwire; ` +
      "start with a new database",
  );
});

testOverDatabases("schemaState() compares the schema with the known migrations", async (
  { database },
) => {
  assertEquals(await schemaState(database), "empty");
  await migrate(database);
  assertEquals(await schemaState(database), "current");
  assertEquals(await schemaState(database, ["0001_initial", "0002_later"]), "older");
  assertEquals(await schemaState(database, []), "newer");
}, { isMigrated: false });

testOverDatabases("migrate() rolls back a migration that fails", async ({ database }) => {
  // The table exists already, so the migration fails halfway.
  await database.write((tx) => sql`create table event_counter (id integer)`.execute(tx));
  const error = await assertRejects(() => migrate(database), Error, "0001_initial");
  assertStringIncludes(error.message, "event_counter");
  const read = () => database.read((db) => db.selectFrom("repositories").selectAll().execute());
  await assertRejects(read, Error, "repositories");
  assertEquals(await schemaState(database), "empty");
  await database.write((tx) => sql`drop table event_counter`.execute(tx));
  assertEquals(await migrate(database), ALL);
}, { isMigrated: false });

Deno.test("migrate() runs once when processes start together (sqlite)", async () => {
  const folder = await Deno.makeTempDir({ prefix: "runwire-" });
  try {
    const outputs = await Promise.all([1, 2, 3].map(() => migrateElsewhere(`sqlite:${folder}/db`)));
    assertEquals(outputs.toSorted(), ["", "", ALL.join()]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "migrate() runs once when instances start together (postgres)",
  ignore: !await isPostgresAvailable(),
  async fn() {
    await using schema = await createTestSchema();
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(schema.url, { clock })));
    const names = await Promise.all(databases.map(migrate));
    await Promise.all(databases.map((database) => database.close()));
    assertEquals(names.map(String).toSorted(), ["", "", ALL.join()]);
  },
});

Deno.test({
  name: "migrate() waits for another migration longer than for an answer (postgres)",
  ignore: !await isPostgresAvailable(),
  async fn() {
    await using schema = await createTestSchema();
    await using database = await openWithShortTimeouts(schema.url, { migrationMs: 60_000 });
    const end = Promise.withResolvers<void>();
    const { holding } = await holdMigrations(schema.url, end.promise);
    const migrating = migrate(database);
    while (!await isLockAwaited()) await clock.sleep(10);
    await clock.sleep(2 * QUERY_TIMEOUT_MS);
    end.resolve();
    await holding;
    assertEquals(await migrating, ALL);
  },
});

Deno.test({
  name: "migrate() stops waiting and reports the reason (postgres)",
  ignore: !await isPostgresAvailable(),
  async fn() {
    await using schema = await createTestSchema();
    await using database = await openWithShortTimeouts(schema.url, { migrationMs: 100 });
    const end = Promise.withResolvers<void>();
    const { holding } = await holdMigrations(schema.url, end.promise);
    const { message } = await assertRejects(() => migrate(database), StorageError);
    assertEquals(
      message,
      `Cannot use the database ${database.name}: another instance is still migrating or copying it`,
    );
    end.resolve();
    await holding;
    await using patient = await openDatabase(schema.url, { clock });
    assertEquals(await migrate(patient), ALL);
  },
});

function insertMigration(database: Database, name: string) {
  return database.write((tx) =>
    sql`insert into kysely_migration (name, timestamp) values (${name}, '2030-01-01T00:00:00.000Z')`
      .execute(tx)
  );
}

/** Migrates in a separate process. Returns the names of the migrations it ran. */
async function migrateElsewhere(url: string): Promise<string> {
  const source = (name: string) => new URL(`../../src/${name}`, import.meta.url).href;
  const code = `
    import { systemClock as clock } from "${source("clock.ts")}";
    import { openDatabase } from "${source("sql/database.ts")}";
    import { migrate } from "${source("sql/migrate.ts")}";
    await using database = await openDatabase("${url}", { clock });
    console.log(String(await migrate(database)));`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", new URL("../../deno.json", import.meta.url).pathname, code],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Opens a database with a short timeout for answers, and `migrationMs` for migrations. */
async function openWithShortTimeouts(
  url: string,
  { migrationMs }: { migrationMs: number },
): Promise<Database> {
  const ms = { connectMs: 3_000, statementMs: 60_000, answerMs: QUERY_TIMEOUT_MS, migrationMs };
  return new Database(await openPostgres(url, { limits: { connections: 2, ...ms } }), clock);
}

/** Resolves once it holds the migration lock, and holds it until `end` resolves. */
async function holdMigrations(url: string, end: Promise<void>) {
  const held = Promise.withResolvers<void>();
  const holding = (async () => {
    await using database = await openDatabase(url, { clock });
    await database.write(async (tx) => {
      await lockMigrations(tx);
      held.resolve();
      await end;
    });
  })();
  await Promise.race([held.promise, holding]);
  return { holding };
}

async function isLockAwaited(): Promise<boolean> {
  const waiting = await runStatement(
    "select 1 from pg_locks where locktype = 'advisory' and not granted",
  );
  return waiting.length > 0;
}
