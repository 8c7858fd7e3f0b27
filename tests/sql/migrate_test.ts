import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sql } from "kysely";
import { systemClock as clock } from "../../src/clock.ts";
import { UsageError } from "../../src/errors.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";

const ALL = ["0001_runs", "0002_events", "0003_deliveries", "0004_waiting_deliveries"];

Deno.test("migrate() says what it has run, and runs nothing again", async () => {
  await using database = await openDatabase("sqlite::memory:", { clock });
  assertEquals(await migrate(database), ALL);
  assertEquals(await migrate(database), []);
});

testOverDatabases("migrate() refuses a database that a newer program has changed", async (
  { database },
) => {
  await database.write((tx) =>
    sql`insert into kysely_migration (name, timestamp) values ('0999_later', '2030-01-01T00:00:00.000Z')`
      .execute(tx)
  );
  const { message } = await assertRejects(() => migrate(database), UsageError);
  assertStringIncludes(message, database.name);
  assertStringIncludes(message, "0999_later");
  assert(!message.includes("\n"));
});

testOverDatabases("migrate() keeps nothing of a migration that fails", async ({ database }) => {
  await database.write(async (tx) => {
    await sql`delete from kysely_migration where name <> '0001_runs'`.execute(tx);
    await tx.schema.dropTable("events").execute();
  });
  // The counter is still there, so that the second migration fails half way.
  const error = await assertRejects(() => migrate(database), Error, "0002_events");
  assertStringIncludes(error.message, "event_counter");
  const reading = () => database.read((db) => db.selectFrom("events").selectAll().execute());
  await assertRejects(reading, Error, "events");
});

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
  ignore: !await isPostgresThere(),
  async fn() {
    await using schema = await testSchema();
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(schema.url, { clock })));
    const runs = await Promise.all(databases.map(migrate));
    await Promise.all(databases.map((database) => database.close()));
    assertEquals(runs.map(String).toSorted(), ["", "", ALL.join()]);
  },
});

/** Migrates in a process of its own. Returns the names of what it has run. */
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
