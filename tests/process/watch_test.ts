import { assert, assertEquals, assertGreater } from "@std/assert";
import { Program, programPath } from "../fakes/program.ts";
import { REPOSITORY, SimulatedGitHub } from "./github.ts";

/** The `script` of util-linux; on other systems its arguments differ. */
const SCRIPT = "/usr/bin/script";
const hasScript = Deno.build.os === "linux" && await isFile(SCRIPT);

/** Escape sequences of xterm: to the second screen without a cursor, and back. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

Deno.test("runwire watch into a pipe prints changes of runs, also after a restart of the server", async () => {
  await using github = new SimulatedGitHub();
  await using server = await Program.start(["serve"], github.environment);
  const url = await server.url();
  await using watch = await Program.start(["watch", `${url}/ws`]);
  await watch.stderr.find(/^runwire: Connected$/);
  await watch.stdout.find(/\tocto-org\/api\t.*\tFix the build\t/);

  server.kill("SIGKILL");
  await server.exit();
  await watch.stderr.find(/^runwire: Connection lost.*retrying in 1 s$/);
  const count = watch.stderr.all.length;
  await using _again = await Program.start(["serve"], {
    ...github.environment,
    SERVER_PORT: new URL(url).port,
  });
  await watch.stderr.find(/^runwire: Connected$/, count);
  github.world.addRun(REPOSITORY, { display_title: "After the restart" });
  await watch.stdout.find(/\tAfter the restart\t/);

  watch.kill("SIGINT");
  assertEquals(await watch.exit(), 0);
  const [time = "", ...others] = (watch.stdout.all[0] ?? "").split("\t");
  assertEquals([Number.isNaN(Date.parse(time)), others.length], [false, 6]);
  assert(!watch.output.includes("\x1b"), "There are escape sequences in a pipe");
});

Deno.test("runwire watch exits without a message when its output is closed", async () => {
  await using github = new SimulatedGitHub();
  await using server = await Program.start(["serve"], github.environment);
  const watch = `'${await programPath()}' watch ${await server.url()}`;
  await using pipe = Program.run([
    "/bin/sh",
    "-c",
    `{ ${watch}; echo "code $?" >&2; } | head -n 1`,
  ]);
  await pipe.stdout.find(/\tFix the build\t/);
  // The next write fails.
  github.world.addRun(REPOSITORY, { display_title: "One more" });
  await pipe.stderr.find(/^code 141$/);
  assertEquals(await pipe.exit(), 0);
  assertEquals(pipe.stderr.all.filter((line) => !/^runwire: Connected$|^code/.test(line)), []);
});

Deno.test("runwire watch exits with 0 on SIGINT without a server", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using watch = await Program.start(["watch", `127.0.0.1:${port}`]);
  await watch.stderr.find(/Cannot reach ws:\/\/127\.0\.0\.1:\d+\/ws.*retrying/);
  watch.kill("SIGINT");
  assertEquals(await watch.exit(), 0);
});

Deno.test({
  name: "runwire watch in a terminal shows a table and restores the screen (needs util-linux)",
  ignore: !hasScript,
  async fn() {
    await using github = new SimulatedGitHub();
    await using server = await Program.start(["serve"], github.environment);
    const command =
      `echo "pid $$"; stty cols 120 rows 30; exec '${await programPath()}' watch ${await server
        .url()}`;
    await using terminal = Program.run([SCRIPT, "-qec", command, "/dev/null"], {
      SHELL: "/bin/sh",
      TERM: "xterm",
    });
    const [, pid = ""] = await terminal.stdout.find(/^pid (\d+)/);
    await terminal.stdout.find(/octo-org\/api +.*Fix the build/);
    Deno.kill(Number(pid), "SIGINT");
    assertEquals(await terminal.exit(), 0);
    const { text } = terminal.stdout;
    assertGreater(text.indexOf("Fix the build"), text.indexOf(ENTER));
    assertEquals([text.split(ENTER).length, text.split(LEAVE).length], [2, 2]);
    assert(text.trimEnd().endsWith(LEAVE), JSON.stringify(text.slice(-200)));
  },
});

async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile ?? false;
}
