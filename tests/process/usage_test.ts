import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { runProgram } from "../fakes/program.ts";

const SECRET = "ghp_never_to_be_seen";

/** Checks for exit code 2 and one line on standard error that matches `pattern`. */
async function assertRejected(
  ended: ReturnType<typeof runProgram>,
  pattern: RegExp,
): Promise<void> {
  const { code, stdout, stderr } = await ended;
  assertEquals([code, stdout, stderr.split("\n").length], [2, "", 1], stderr);
  assertMatch(stderr, pattern);
}

Deno.test("runwire serve without a credential mentions GITHUB_TOKEN and the demo", async () => {
  for (const args of [["serve"], []]) {
    await assertRejected(runProgram(args), /GITHUB_TOKEN.*"runwire demo"/);
    await assertRejected(runProgram(args, { GITHUB_TOKEN: "" }), /GITHUB_TOKEN.*"runwire demo"/);
  }
});

Deno.test("runwire reports an invalid variable, its value and the expected ones", async () => {
  const token = { GITHUB_TOKEN: SECRET };
  await assertRejected(
    runProgram(["serve"], { ...token, POLL_RUNS: "none" }),
    /^runwire: Invalid POLL_RUNS "none": expected an integer from 1 to 100$/,
  );
  await assertRejected(
    runProgram(["demo"], { LOG_LEVEL: "loud" }),
    /^runwire: Invalid LOG_LEVEL "loud": expected debug, info, warning, or error$/,
  );
  await assertRejected(
    runProgram(["serve"], { ...token, SERVER_HOST: "0.0.0.0" }),
    /Invalid SERVER_HOST "0\.0\.0\.0": .*127\.0\.0\.1.*a login or ALLOW_OPEN=true$/,
  );
});

Deno.test("runwire prints no secret when it rejects a credential", async () => {
  const app = { GITHUB_APP_ID: "12", GITHUB_APP_PRIVATE_KEY: SECRET };
  for (const rest of [{}, { GITHUB_APP_INSTALLATION_ID: "34" }]) {
    const { code, stdout, stderr } = await runProgram(["serve"], { ...app, ...rest });
    assertEquals([code, stdout, stderr.split("\n").length], [2, "", 1], stderr);
    assertMatch(stderr, /GITHUB_APP_PRIVATE_KEY|private key/);
    assertEquals(stderr.includes(SECRET), false);
  }
});

Deno.test("runwire rejects an unknown flag or command, and lists the known ones", async () => {
  await assertRejected(
    runProgram(["serve", "--port=1"]),
    /Invalid command "runwire serve --port=1": expected --help$/,
  );
  await assertRejected(runProgram(["dance"]), /"runwire dance": expected serve, demo, watch/);
  await assertRejected(runProgram(["watch", "a", "b"]), /"runwire watch a b": expected/);
});

Deno.test("runwire serve reports that its port is in use", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  await assertRejected(
    runProgram(["serve"], { GITHUB_TOKEN: SECRET, SERVER_PORT: String(port) }),
    new RegExp(`127\\.0\\.0\\.1:${port} \\(address in use\\); .*SERVER_PORT`),
  );
});

Deno.test("runwire watch rejects an invalid URL", async () => {
  await assertRejected(
    runProgram(["watch", "nonsense://x"]),
    /Invalid URL "nonsense:\/\/x": expected a WebSocket URL/,
  );
});

Deno.test("runwire prints its version and its help, and exits with 0", async () => {
  assertEquals(await runProgram(["--version"]), { code: 0, stdout: manifest.version, stderr: "" });
  const { code, stdout, stderr } = await runProgram(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  for (const word of ["serve", "demo", "watch", "GITHUB_TOKEN", "POLL_INTERVAL_SECONDS"]) {
    assertStringIncludes(stdout, word);
  }
});
