import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { runProgram } from "../fakes/program.ts";
import { SimulatedGitHub } from "./github.ts";

/** A database that holds one parked and one waiting delivery. */
async function createDatabase(url: string): Promise<void> {
  await using database = await openDatabase(url, { clock: systemClock });
  await migrate(database);
  const store = new SqlDeliveryStore(database, systemClock);
  const delivery = {
    event: "workflow_run",
    action: "completed",
    orderingKey: "run 1",
    payload: "{}",
  };
  await store.store({ ...delivery, id: "parked-one" });
  await store.recordFailure("parked-one", {
    error: "workflow_run.id is missing",
    retryAt: undefined,
  });
  await store.store({ ...delivery, id: "waiting-one", orderingKey: "run 2" });
}

Deno.test("runwire migrate reports the migrations it ran, and that none is pending", async () => {
  await using folder = await TemporaryFolder.create();
  const environment = { DATABASE_URL: `sqlite:${folder.path}/runwire.db` };
  const first = await runProgram(["migrate"], environment);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /Ran \d+ migrations/);
  const second = await runProgram(["migrate"], environment);
  assertEquals([second.code, second.stdout.trim()], [0, "The database is up to date"]);
});

Deno.test("runwire deliveries lists and retries parked deliveries", async () => {
  await using folder = await TemporaryFolder.create();
  const environment = { DATABASE_URL: `sqlite:${folder.path}/runwire.db` };
  await createDatabase(environment.DATABASE_URL);

  const all = await runProgram(["deliveries", "list"], environment);
  assertEquals(all.code, 0, all.stderr);
  assertEquals(all.stdout.trim().split("\n").length, 2);
  const parked = await runProgram(["deliveries", "list", "--state", "parked"], environment);
  const [, state, id, event, failures, reason] = parked.stdout.trim().split("\t");
  assertEquals([state, id, event, failures, reason], [
    "parked",
    "parked-one",
    "workflow_run.completed",
    "1 failure",
    "workflow_run.id is missing",
  ]);

  const retried = await runProgram(["deliveries", "retry", "parked-one"], environment);
  assertEquals(retried.code, 0, retried.stderr);
  const again = await runProgram(["deliveries", "retry", "parked-one"], environment);
  assertEquals(again.code, 2);
  assertStringIncludes(again.stderr, 'Delivery "parked-one" is not parked');
  const left = await runProgram(["deliveries", "list", "--state", "parked"], environment);
  assertEquals(left.stdout, "");
});

Deno.test("runwire deliveries redeliver reports how many deliveries failed", async () => {
  await using github = new SimulatedGitHub();
  await using folder = await TemporaryFolder.create();
  const environment = {
    ...github.environment,
    DATABASE_URL: `sqlite:${folder.path}/runwire.db`,
  };
  const { code, stdout, stderr } = await runProgram(["deliveries", "redeliver"], environment);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.trim(), "Found 0 failed deliveries, requested 0, remaining 0");
});

Deno.test("runwire deliveries rejects invalid arguments", async () => {
  const { code, stderr } = await runProgram(["deliveries", "list", "--limit", "none"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^runwire: Invalid --limit "none": expected an integer from 1 to 999999$/);
});
