import { assertEquals, assertMatch } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { fillAllTables } from "../fakes/fixtures/filled_database.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { Program, runProgram } from "../fakes/program.ts";
import { waitUntil } from "../fakes/wait.ts";
import { SimulatedGitHub } from "./github.ts";
import { postgresQuery, type Query, sqliteQuery } from "./store_assertions.ts";

const ignore = !await isPostgresAvailable();
const COUNT = "select count(*) as number from workflow_runs";

/** A file with everything in it, and an empty schema of PostgreSQL. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await TemporaryFolder.create());
  const schema = stack.use(await createTestSchema());
  const path = `${folder.path}/runwire.db`;
  {
    await using database = await openDatabase(`sqlite:${path}`, { clock });
    await migrate(database);
    await fillAllTables(database);
  }
  const all = stack.move();
  return {
    folder: folder.path,
    file: sqliteQuery(path),
    server: postgresQuery(schema.url),
    sqlite: `sqlite:${path}`,
    postgres: schema.url,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function runCopy(args: readonly string[], environment: Record<string, string> = {}) {
  return runProgram(["copy", ...args], environment);
}

async function count(query: Query, text = COUNT): Promise<number> {
  const [row] = await query(text);
  return Number((row as { number: unknown } | undefined)?.number);
}

Deno.test({
  name:
    "runwire copy copies from a file to PostgreSQL and back, and reports the rows of each table",
  ignore,
  async fn() {
    await using setting = await setUp();
    const { sqlite, postgres, file, server, folder } = setting;
    // The default target is DATABASE_URL.
    const there = await runCopy(["--from", sqlite], { DATABASE_URL: postgres });
    assertEquals([there.code, there.stderr], [0, ""]);
    assertEquals(await count(server), await count(file));
    const lines = there.stdout.split("\n");
    const last = lines.pop() ?? "";
    assertEquals(lines.includes(`${await count(file)}\tworkflow_runs`), true, lines.join());
    const rows = lines.reduce((sum, line) => sum + Number(line.split("\t")[0]), 0);
    assertMatch(
      last,
      new RegExp(`^Copied ${rows} rows of ${lines.length} tables from ".*runwire.db" to ".*" on`),
    );
    const back = await runCopy(["--from", postgres, "--to", `sqlite:${folder}/back.db`]);
    assertEquals([back.code, back.stderr], [0, ""]);
    assertEquals(back.stdout.split("\n").slice(0, -1), lines);
    const again = await runCopy(["--from", sqlite, "--to", postgres]);
    assertEquals([again.code, again.stdout], [2, ""]);
    assertMatch(again.stderr, /^runwire: Cannot copy into the database .*: it is not empty/);
    assertEquals(again.stderr.includes("postgres@"), false);
  },
});

Deno.test({
  name: "runwire copy refuses a database in use by a server, and copies it afterwards",
  ignore,
  async fn() {
    await using github = new SimulatedGitHub();
    await using setting = await setUp();
    const { sqlite, postgres, server, folder } = setting;
    {
      const environment = { ...github.environment, DATABASE_URL: sqlite };
      await using serving = await Program.start(["serve"], environment);
      await serving.url();
      const rejected = await runCopy(["--from", sqlite, "--to", postgres]);
      assertEquals(rejected.code, 2);
      assertMatch(rejected.stderr, /^runwire: .*another Runwire server is using it$/);
    }
    assertEquals((await runCopy(["--from", sqlite, "--to", postgres])).code, 0);
    const all = await count(server);
    await using serving = await Program.start(["serve"], {
      ...github.environment,
      DATABASE_URL: postgres,
    });
    const url = await serving.url();
    const rejected = await runCopy(["--from", postgres, "--to", `sqlite:${folder}/back.db`]);
    assertEquals(rejected.code, 2);
    assertMatch(rejected.stderr, /^runwire: .*a Runwire server is using it$/);
    const response = await fetch(`${url}/runs?per_page=1&q=größe`);
    assertEquals((await response.json()).total_count, 1_000);
    assertEquals(all >= 1_200, true);
  },
});

Deno.test({
  name: "runwire copy leaves nothing behind after an interruption or a kill, and can be run again",
  ignore,
  async fn() {
    await using setting = await setUp();
    const { sqlite, postgres, server } = setting;
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      await using program = await Program.start(["copy", "--from", sqlite, "--to", postgres]);
      await waitUntil(() => isWriting(server), "it writes");
      program.kill(signal);
      const code = await program.exit();
      assertEquals(code === 0, false);
      if (signal === "SIGINT") {
        assertEquals(program.stderr.text, "runwire: Interrupted: nothing was copied");
      }
      assertEquals(await count(server), 0);
      await waitUntil(async () => !await isWriting(server), "PostgreSQL has noticed");
    }
    assertEquals((await runCopy(["--from", sqlite, "--to", postgres])).code, 0);
  },
});

async function isWriting(server: Query): Promise<boolean> {
  const held = `select count(*) as number from pg_locks
    where mode = 'RowExclusiveLock' and relation = to_regclass('event_counter')`;
  return await count(server, held) > 0;
}

Deno.test("runwire copy rejects invalid arguments and prints no password", async () => {
  await using folder = await TemporaryFolder.create();
  const missing = `sqlite:${folder.path}/missing.db`;
  const server = "postgres://someone:hunter2hunter2@127.0.0.1:1/x";
  for (
    const [args, words, expected = 2] of [
      [[], /expected --from, --to/],
      [["--from", missing, "--to", server], /Database file .*missing\.db not found$/],
      [["--from", server, "--to", missing], /Cannot use the database "x" on 127\.0\.0\.1:1/, 1],
      [["--from", server, "--to", server], /into itself$/],
      [["--from", "sqlite::memory:", "--to", server], /in-memory/],
      [["--from", server, "--onto", server], /expected --from, --to/],
      [["--from", "mysql://x", "--to", server], /Invalid database URL: expected/],
    ] as const
  ) {
    const { code, stderr } = await runCopy(args);
    assertEquals([code, stderr.split("\n").length], [expected, 1], stderr);
    assertMatch(stderr, words);
    assertEquals(stderr.includes("hunter2"), false, stderr);
  }
  assertEquals(await folder.files(), []);
});
