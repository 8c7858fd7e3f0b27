import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import { addHistoricalRuns } from "../../src/simulator/world/history_seed.ts";
import { World } from "../../src/simulator/world/world.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { Program } from "../fakes/program.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";
import { REPOSITORY, SimulatedGitHub } from "./github.ts";
import { type Query, sqliteQuery } from "./store_assertions.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const RUNS = 2_500;
/** On a busy machine. */
const TIMEOUT_MS = 30_000;
const COMMAND = ["backfill", REPOSITORY, "--since", "90d"];

const PROGRESS = z.array(
  z.object({ runs: z.number(), imported_from_ms: z.number(), imported_to_ms: z.number() }),
);

/** A GitHub whose repository has runs of the last 60 days, 1,500 of them within one minute. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const world = new World({ clock: systemClock, maxRuns: Infinity });
  const github = stack.use(new SimulatedGitHub({ world }));
  const minute = Date.now() - 30 * DAY_MS;
  const burst = Array.from({ length: 1_500 }, (_, index) => minute + index * 40);
  const others = Array.from(
    { length: RUNS - burst.length },
    (_, index) => Date.now() - 60 * DAY_MS + index * 80 * 60_000,
  );
  addHistoricalRuns(world, REPOSITORY, [...others, ...burst].sort((a, b) => a - b));
  const folder = stack.use(await TemporaryFolder.create());
  const path = `${folder.path}/runwire.db`;
  const environment = { ...github.environment, DATABASE_URL: `sqlite:${path}` };
  const all = stack.move();
  return {
    github,
    query: sqliteQuery(path),
    start: (args: readonly string[] = COMMAND) => Program.start(args, environment),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function countRuns(query: Query): Promise<number> {
  return (await query("select id from workflow_runs")).length;
}

/** Lets GitHub answer until progress is stored, and then stalls. */
async function stallAfterFirstRuns(
  { github, query }: { readonly github: SimulatedGitHub; readonly query: Query },
): Promise<void> {
  // The table does not exist at first.
  const saved = () => query("select 1 from backfills where runs > 0");
  const hasSaved = async () => {
    try {
      return (await saved()).length > 0;
    } catch {
      return false;
    }
  };
  await waitUntil(hasSaved, "some runs are stored", TIMEOUT_MS);
  github.simulator.faults.add({ kind: "delay", ms: 60_000 }, { path: /[?&]created=/ });
  await withTimeout(github.responseDelayed, "the next request", TIMEOUT_MS);
}

Deno.test("runwire backfill resumes after a kill and imports every run", async () => {
  await using setting = await setUp();
  const { github, query, start } = setting;
  {
    await using program = await start();
    await stallAfterFirstRuns(setting);
    program.kill("SIGKILL");
    await program.exit();
  }
  const [progress] = PROGRESS.parse(await query("select * from backfills"));
  assertEquals(progress && progress.runs > 0 && progress.runs < RUNS, true);
  const { length } = github.simulator.requests.entries;
  await using program = await start();
  assertEquals(await program.exit(), 0, program.output);
  // Includes the initial run of the simulated GitHub.
  assertMatch(
    program.stdout.text,
    new RegExp(`^Finished: imported ${RUNS + 1} runs of ${REPOSITORY}, back to `),
  );
  assertEquals(await countRuns(query), RUNS + 1);
  const again = github.simulator.requests.entries.slice(length).flatMap(({ path }) =>
    [...decodeURIComponent(path).matchAll(/created=.*\.\.([^&]+)/g)].map(([, to = ""]) =>
      Date.parse(to)
    )
  );
  assertEquals(again.length > 0, true);
  const { imported_from_ms = 0, imported_to_ms = 0 } = progress ?? {};
  assertEquals(again.filter((to) => to >= imported_from_ms && to < imported_to_ms), []);
});

Deno.test("runwire backfill reports how to resume after an interruption, and resumes", async () => {
  await using setting = await setUp();
  const { query, start } = setting;
  {
    await using program = await start();
    await stallAfterFirstRuns(setting);
    program.kill("SIGINT");
    assertEquals(await program.exit(5_000), 1);
    assertMatch(
      program.stderr.text,
      /^runwire: Interrupted: imported \d+ runs of .*, back to .*; run the same command to resume$/m,
    );
  }
  const interrupted = "select 1 from backfills where state = 'failed' and error = 'Interrupted'";
  assertEquals((await query(interrupted)).length, 1);
  await using program = await start();
  assertEquals(await program.exit(), 0, program.output);
  assertEquals(await countRuns(query), RUNS + 1);
});

Deno.test("runwire backfill works while a server uses the same file", async () => {
  await using setting = await setUp();
  await using server = await setting.start(["serve"]);
  const url = await server.url();
  await using program = await setting.start();
  assertEquals(await program.exit(), 0, program.output);
  assertEquals(await countRuns(setting.query), RUNS + 1);
  assertEquals((await (await fetch(`${url}/health`)).json()).status, "healthy");
  server.kill("SIGTERM");
  assertEquals(await server.exit(), 0);
});

Deno.test("runwire backfill waits while the rate limit is low, and reports the reset time", async () => {
  await using setting = await setUp();
  const { github, start } = setting;
  const reset = Math.floor(Date.now() / 1_000) + 3_600;
  github.simulator.rateLimits.set("ghp_never_to_be_seen", { remaining: 490, reset });
  await using program = await start();
  const [, time = ""] = await program.stderr.find(
    /^runwire: Waiting until (\S+): The rest of the rate limit is reserved/,
  );
  // GitHub's clock and the local clock may differ by a second.
  assertEquals(Math.abs(Date.parse(time) - reset * 1_000) <= 2_000, true, time);
  program.kill("SIGINT");
  assertEquals(await program.exit(5_000), 1);
  assertStringIncludes(program.stderr.text, "0 runs of");
});

Deno.test("runwire backfill rejects invalid arguments", async () => {
  await using setting = await setUp();
  for (
    const [args, words] of [
      [["backfill", "octo-org/missing", "--since", "90d"], /404: Not Found/],
      [
        ["backfill", "missing", "--since", "90d"],
        /Invalid repository "missing": expected owner\/name/,
      ],
      [
        ["backfill", REPOSITORY, "--since", "401d"],
        /^runwire: Invalid --since "401d": expected 1d to 400d/,
      ],
      [["backfill", REPOSITORY], /expected .*--since/],
    ] as const
  ) {
    await using program = await setting.start(args);
    assertEquals(await program.exit(), 2, program.output);
    assertMatch(program.stderr.text, words);
  }
});
