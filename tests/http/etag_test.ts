import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { aRun } from "../fakes/stores/github.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

async function start() {
  const history = new FakeRunHistory();
  return { history, server: await new ServerUnderTest({ data: [runRoutes({ history })] }).start() };
}

/** The tag of what is there now. */
async function fetchETag(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("cache-control"), "private, no-cache");
  return response.headers.get("etag") ?? "";
}

async function fetchIfNoneMatch(url: string, tag: string): Promise<Response> {
  const response = await fetch(url, { headers: { "If-None-Match": tag } });
  await response.body?.cancel();
  return response;
}

for (const path of ["/runs", "/api/v1/runs", "/openapi.json", "/docs", "/docs/swagger-ui.css"]) {
  Deno.test(`GET ${path} answers 304 while nothing has changed`, async () => {
    const { server } = await start();
    await using _ = server;
    const tag = await fetchETag(`${server.url}${path}`);
    assertMatch(tag, /^"[0-9a-f]+"$/);
    const same = await fetchIfNoneMatch(`${server.url}${path}`, `"other", W/${tag}`);
    assertEquals([same.status, same.headers.get("etag")], [304, tag]);
    assertEquals(same.headers.get("content-type"), null);
    assertMatch(same.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    assertEquals((await fetchIfNoneMatch(`${server.url}${path}`, '"other"')).status, 200);
  });
}

Deno.test("GET /runs has a new ETag when something has changed", async () => {
  const { history, server } = await start();
  await using _ = server;
  const tag = await fetchETag(`${server.url}/runs`);
  history.runs = [aRun({ status: "completed", conclusion: "success" })];
  assertNotEquals(await fetchETag(`${server.url}/runs`), tag);
  assertEquals((await fetchIfNoneMatch(`${server.url}/runs`, tag)).status, 200);
});

Deno.test("GET /runs gives no ETag to a problem", async () => {
  const { server } = await start();
  await using _ = server;
  const response = await fetch(`${server.url}/runs?page=x`, { headers: { "If-None-Match": "*" } });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("etag")], [400, null]);
  assertEquals(response.headers.get("cache-control"), "private, no-cache");
});

for (const path of ["/runs", "/docs", "/openapi.json"]) {
  Deno.test(`HEAD ${path} tells of a GET all but its body`, async () => {
    const { server } = await start();
    await using _ = server;
    const url = `${server.url}${path}`;
    const whole = await fetch(url);
    const { byteLength } = await whole.arrayBuffer();
    const head = await fetch(url, { method: "HEAD" });
    assertEquals(head.status, 200);
    assertEquals(head.headers.get("content-length"), String(byteLength));
    assertEquals(head.headers.get("etag"), whole.headers.get("etag"));
    assertEquals(head.headers.get("content-type"), whole.headers.get("content-type"));
    assert(byteLength > 0);
    const tag = whole.headers.get("etag") ?? "";
    const same = await fetch(url, { method: "HEAD", headers: { "If-None-Match": tag } });
    assertEquals(same.status, 304);
  });
}
