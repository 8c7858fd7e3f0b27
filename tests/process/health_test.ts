import { assertEquals, assertMatch } from "@std/assert";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { Program, runProgram } from "../fakes/program.ts";
import { until } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { SimulatedGitHub } from "./github.ts";

function askHealth(args: readonly string[], environment: Record<string, string> = {}) {
  return runProgram(["health", ...args], environment);
}

Deno.test("runwire health asks the Runwire of the settings, or another one", async () => {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], github.environment);
  const url = await program.url();
  const { port } = new URL(url);
  for (const host of ["127.0.0.1", "0.0.0.0", ""]) {
    const { code, stdout } = await askHealth([], { SERVER_PORT: port, SERVER_HOST: host });
    assertEquals(code, 0);
    assertMatch(stdout, /^healthy, sqlite up, GitHub \w+$/);
  }
  assertEquals((await askHealth([`${url}/`])).code, 0);
});

Deno.test("runwire health exits with 1 where nobody answers, or not as Runwire does", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = await askHealth([`http://127.0.0.1:${listener.addr.port}`]);
  assertEquals([silent.code, silent.stdout], [1, ""]);
  assertMatch(silent.stderr, /^runwire: Cannot ask http:.*: no answer within 4 s$/);
  await using github = new SimulatedGitHub();
  assertMatch((await askHealth([github.url])).stderr, /status \d+ is no answer of Runwire's$/);
  const none = await askHealth([], { SERVER_PORT: "1" });
  assertEquals([none.code, none.stdout], [1, ""]);
  assertMatch(none.stderr, /^runwire: Cannot ask http:\/\/127\.0\.0\.1:1: /);
  assertEquals((await askHealth(["nonsense"])).code, 2);
});

Deno.test({
  name: "runwire health exits with 1 while a service is down, and names it",
  ignore: !await isPostgresThere(),
  async fn() {
    await using github = new SimulatedGitHub();
    await using schema = await testSchema();
    await using proxy = TcpProxy.to(schema.url);
    await using program = await Program.start(["serve"], {
      ...github.environment,
      DATABASE_URL: proxy.through(schema.url),
    });
    const url = await program.url();
    assertEquals((await askHealth([url])).code, 0);
    proxy.delay(5_000);
    await until(async () => (await askHealth([url])).code === 1, "it is unhealthy");
    assertMatch((await askHealth([url])).stderr, /^runwire: unhealthy, postgres down, GitHub/);
    proxy.heal();
    await until(async () => (await askHealth([url])).code === 0, "it is healthy again");
  },
});
