import { assertEquals, assertMatch } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { Program, runProgram } from "../fakes/program.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { SimulatedGitHub } from "./github.ts";

function runHealth(args: readonly string[], environment: Record<string, string> = {}) {
  return runProgram(["health", ...args], environment);
}

Deno.test("runwire health checks the server of the settings, or of a URL", async () => {
  await using github = new SimulatedGitHub();
  await using program = await Program.start(["serve"], github.environment);
  const url = await program.url();
  const { port } = new URL(url);
  for (const host of ["127.0.0.1", "0.0.0.0", ""]) {
    const { code, stdout } = await runHealth([], { SERVER_PORT: port, SERVER_HOST: host });
    assertEquals(code, 0);
    assertMatch(stdout, /^healthy, sqlite up, GitHub \w+$/);
  }
  assertEquals((await runHealth([`${url}/`])).code, 0);
});

Deno.test("runwire health exits with 1 if no server answers, or one that is not Runwire", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = await runHealth([`http://127.0.0.1:${listener.addr.port}`]);
  assertEquals([silent.code, silent.stdout], [1, ""]);
  assertMatch(silent.stderr, /^runwire: Health check of http:.* failed: no response within 4 s$/);
  await using github = new SimulatedGitHub();
  assertMatch(
    (await runHealth([github.url])).stderr,
    /unexpected response \(status \d+\); is this a Runwire server\?$/,
  );
  const none = await runHealth([], { SERVER_PORT: "1" });
  assertEquals([none.code, none.stdout], [1, ""]);
  assertMatch(none.stderr, /^runwire: Health check of http:\/\/127\.0\.0\.1:1 failed: /);
  assertEquals((await runHealth(["nonsense"])).code, 2);
});

Deno.test({
  name: "runwire health exits with 1 while a service is down, and names the service",
  ignore: !await isPostgresAvailable(),
  async fn() {
    await using github = new SimulatedGitHub();
    await using schema = await createTestSchema();
    await using proxy = TcpProxy.to(schema.url);
    await using program = await Program.start(["serve"], {
      ...github.environment,
      DATABASE_URL: proxy.proxiedUrl(schema.url),
    });
    const url = await program.url();
    assertEquals((await runHealth([url])).code, 0);
    proxy.delay(5_000);
    await waitUntil(async () => (await runHealth([url])).code === 1, "it is unhealthy");
    assertMatch((await runHealth([url])).stderr, /^runwire: unhealthy, postgres down, GitHub/);
    proxy.restore();
    await waitUntil(async () => (await runHealth([url])).code === 0, "it is healthy again");
  },
});
