import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isApiKeySecret } from "../../src/account/api_key.ts";
import { sha256Hex } from "../../src/account/crypto.ts";
import { systemClock } from "../../src/clock.ts";
import { SqlApiKeyStore } from "../../src/sql/account/api_key.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { runProgram } from "../fakes/program.ts";

function run(args: readonly string[], environment: Record<string, string> = {}) {
  return runProgram(["keys", ...args], environment);
}

Deno.test("runwire keys creates a key, lists it without its secret, and revokes it", async () => {
  await using folder = await TemporaryFolder.create();
  const environment = { DATABASE_URL: `sqlite:${folder.path}/runwire.db` };
  const made = await run(
    ["create", "--name", "ci", "--scopes", "read,cast", "--budget-cents", "500", "--expires", "9d"],
    environment,
  );
  assertEquals([made.code, made.stderr], [0, ""]);
  const secret = made.stdout;
  assertEquals(isApiKeySecret(secret), true, secret);
  {
    await using database = await openDatabase(environment.DATABASE_URL, { clock: systemClock });
    const key = await new SqlApiKeyStore(database, systemClock).findByHash(sha256Hex(secret));
    assertEquals([key?.name, key?.scopes, key?.budgetCents], ["ci", ["read", "cast"], 500]);
  }

  const listed = await run(["list"], environment);
  const [id = "", name, prefix, state, scopes, budget, , , used] = listed.stdout.split("\t");
  assertEquals([name, prefix], ["ci", `${secret.slice(0, 12)}…`]);
  assertEquals([state, scopes], ["valid", "read,cast"]);
  assertEquals([budget, used], ["500 cents a month", "never used"]);
  assertEquals(listed.stdout.includes(secret.slice(13)), false);

  const revoked = await run(["revoke", id], environment);
  assertEquals([revoked.code, revoked.stderr], [0, ""]);
  assertStringIncludes((await run(["list"], environment)).stdout, "\trevoked\t");
  const unknown = await run(["revoke", "99"], environment);
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.stderr, 'Key 99 not found; run "runwire keys list"');
});

Deno.test("runwire keys create uses the scopes of the role by default", async () => {
  await using folder = await TemporaryFolder.create();
  const environment = { DATABASE_URL: `sqlite:${folder.path}/runwire.db` };
  await run(["create", "--name", "a"], environment);
  await run(["create", "--name", "b", "--role", "admin"], environment);
  const { stdout } = await run(["list"], environment);
  const scopes = stdout.split("\n").map((line) => line.split("\t")[4]);
  assertEquals(scopes, ["read,write,tasks,cast,admin", "read,write,tasks,cast"]);
});

Deno.test("runwire keys rejects invalid arguments", async () => {
  for (
    const args of [
      ["create"],
      ["create", "--name", "a", "--role", "king"],
    ]
  ) {
    const { code, stdout, stderr } = await run(args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(
      stderr,
      /^runwire: Invalid command "runwire keys .*: expected --name, --role viewer\|member\|admin/,
    );
  }
  for (
    const [args, pattern] of [
      [["--name", " "], /^runwire: Invalid --name " ": expected 1 to 100 characters/],
      [
        ["--name", "a", "--scopes", "read,fly"],
        /^runwire: Invalid --scopes "read,fly": expected a comma-separated list of read, write/,
      ],
      [
        ["--name", "a", "--expires", "never"],
        /^runwire: Invalid --expires "never": expected 1d to/,
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(["create", ...args]);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(stderr, pattern);
  }
});
