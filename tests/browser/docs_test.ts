import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { findChromium, openPage } from "../fakes/clients/chromium.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

const chromium = await findChromium();

async function start(): Promise<ServerUnderTest> {
  return await new ServerUnderTest({ data: [runRoutes({ history: new FakeRunHistory() })] })
    .start();
}

Deno.test({
  name: "GET /docs shows every route in a browser, within its Content-Security-Policy",
  ignore: chromium === undefined,
  async fn() {
    await using server = await start();
    const { html, log } = await openPage(chromium ?? "", `${server.url}/docs`);
    const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
    for (const path of Object.keys(paths)) {
      assertStringIncludes(html, `data-path="${path}"`);
    }
    assertStringIncludes(html, "Get a run with its attempts and jobs");
    // Chromium logs violations of the policy and exceptions of scripts.
    assertEquals(log.split("\n").filter((line) => line.includes("CONSOLE")), []);
  },
});

Deno.test("GET /docs loads only resources of the server and forbids frames", async () => {
  await using server = await start();
  const response = await fetch(`${server.url}/docs`);
  const html = await response.text();
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const [, source = ""] of policy.matchAll(/(?:^|; )[\w-]+-src ([^;]+)/g)) {
    assert(source.split(" ").every((each) => ["'self'", "'none'", "data:"].includes(each)), source);
  }
  assertStringIncludes(policy, "default-src 'none'");
  assertStringIncludes(policy, "frame-ancestors 'none'");
  assertEquals(response.headers.get("x-frame-options"), "DENY");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  assertEquals(response.headers.get("strict-transport-security"), null);
  const parts = [...html.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, part]) => part);
  assertEquals(parts.length, 4);
  for (const part of parts) {
    const { status, body } = await fetch(new URL(part ?? "", `${server.url}/docs`));
    await body?.cancel();
    assertEquals(status, 200, part);
  }
});
