import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import { systemClock as clock } from "../../src/clock.ts";
import { StorageError, UsageError } from "../../src/errors.ts";
import { Database, openDatabase } from "../../src/sql/database.ts";
import { lockMigrations, migrate } from "../../src/sql/migrate.ts";
import * as runs from "../../src/sql/migrations/0001_runs.ts";
import * as history from "../../src/sql/migrations/0005_history.ts";
import { openPostgres } from "../../src/sql/engine/postgres.ts";
import { SqlRunHistory } from "../../src/sql/run/run_history.ts";
import { toRunRow } from "../../src/sql/run/run_row.ts";
import { DATABASE_KINDS, testOverDatabases } from "../fakes/database.ts";
import { aRun } from "../fakes/stores/github.ts";
import { createTestSchema, isPostgresAvailable, runStatement } from "../fakes/postgres.ts";

/** Soon, and yet long enough for a machine that has much to do. */
const QUERY_TIMEOUT_MS = 500;
const ALL = [
  "0001_runs",
  "0002_events",
  "0003_deliveries",
  "0004_waiting_deliveries",
  "0005_history",
  "0006_statistics",
  "0007_catalog",
  "0008_backfill",
  "0009_covering_indexes",
  "0010_accounts",
  "0011_messages",
  "0012_leases",
];

Deno.test("migrate() says what it has run, and runs nothing again", async () => {
  await using database = await openDatabase("sqlite::memory:", { clock });
  assertEquals(await migrate(database), ALL);
  assertEquals(await migrate(database), []);
});

for (const { kind, ignore } of DATABASE_KINDS.filter((each) => each.kind !== "sqlite")) {
  Deno.test({
    name: `migrate() makes attempts and searched titles of the runs that are kept (${kind})`,
    ignore,
    async fn() {
      await using place = kind === "postgres" ? await createTestSchema() : undefined;
      await using database = await openDatabase(place?.url ?? "sqlite::memory:", { clock });
      const startedAt = "2026-01-01T01:00:00.250+01:00";
      const run = aRun({ runAttempt: 2, status: "completed", conclusion: "failure", startedAt });
      await database.write(async (tx) => {
        const before: Migration = runs;
        await before.up(tx);
        await tx.insertInto("workflows")
          .values({ id: run.workflowId, repository: "octo/a", name: "CI", named_ms: 0 }).execute();
        await tx.insertInto("workflow_runs")
          .values([toRunRow(run), toRunRow(aRun({ id: 2, startedAt: null }))]).execute();
        const { up }: Migration = history;
        await up(tx);
      });
      const attempts = await database.read((db) =>
        db.selectFrom("run_attempts").select(["run_id", "run_attempt", "started_ms", "progress"])
          .orderBy("run_id").execute()
      );
      assertEquals(attempts.map((row) => ({ ...row })), [
        { run_id: 1, run_attempt: 2, started_ms: Date.parse(startedAt), progress: 2 },
        { run_id: 2, run_attempt: 1, started_ms: null, progress: 0 },
      ]);
      const query = {
        visibility: "all",
        words: ["fix"],
        direction: "asc",
        page: 1,
        perPage: 9,
      } as const;
      const found = await new SqlRunHistory(database).list(query);
      assertEquals(found.runs[0], run);
      assertEquals(found.total, 2);
    },
  });
}

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
  name: "migrate() waits for another's migrations for longer than for an answer (postgres)",
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
  name: "migrate() does not wait for ever, and says for what (postgres)",
  ignore: !await isPostgresAvailable(),
  async fn() {
    await using schema = await createTestSchema();
    await using database = await openWithShortTimeouts(schema.url, { migrationMs: 100 });
    const end = Promise.withResolvers<void>();
    const { holding } = await holdMigrations(schema.url, end.promise);
    const { message } = await assertRejects(() => migrate(database), StorageError);
    assertStringIncludes(message, database.name);
    assertStringIncludes(message, "another Runwire");
    end.resolve();
    await holding;
    await using patient = await openDatabase(schema.url, { clock });
    assertEquals(await migrate(patient), ALL);
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

/** Answers must come soon, those to a migration within `migrationMs`. */
async function openWithShortTimeouts(
  url: string,
  { migrationMs }: { migrationMs: number },
): Promise<Database> {
  const ms = { connectMs: 3_000, statementMs: 60_000, answerMs: QUERY_TIMEOUT_MS, migrationMs };
  return new Database(await openPostgres(url, { limits: { connections: 2, ...ms } }), clock);
}

/** Resolves as soon as nobody else can migrate, until `end` has resolved. */
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
