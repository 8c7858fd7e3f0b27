import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { aRun } from "../fakes/stores/github.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

async function start() {
  const history = new FakeRunHistory();
  return { history, server: await new ServerUnderTest({ data: [runRoutes({ history })] }).start() };
}

/** The ETag of the current response. */
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
  Deno.test(`GET ${path} responds with 304 while nothing has changed`, async () => {
    const { server } = await start();
    await using _ = server;
    const tag = await fetchETag(`${server.url}${path}`);
    assertMatch(tag, /^"[0-9a-f]+"$/);
    const unchanged = await fetchIfNoneMatch(`${server.url}${path}`, `"other", W/${tag}`);
    assertEquals([unchanged.status, unchanged.headers.get("etag")], [304, tag]);
    assertEquals(unchanged.headers.get("content-type"), null);
    assertMatch(unchanged.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    assertEquals((await fetchIfNoneMatch(`${server.url}${path}`, '"other"')).status, 200);
  });
}

Deno.test("GET /runs has a new ETag after a change", async () => {
  const { history, server } = await start();
  await using _ = server;
  const tag = await fetchETag(`${server.url}/runs`);
  history.runs = [aRun({ status: "completed", conclusion: "success" })];
  assertNotEquals(await fetchETag(`${server.url}/runs`), tag);
  assertEquals((await fetchIfNoneMatch(`${server.url}/runs`, tag)).status, 200);
});

Deno.test("GET /runs sends no ETag with a problem", async () => {
  const { server } = await start();
  await using _ = server;
  const response = await fetch(`${server.url}/runs?page=x`, { headers: { "If-None-Match": "*" } });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("etag")], [400, null]);
  assertEquals(response.headers.get("cache-control"), "private, no-cache");
});

for (const path of ["/runs", "/docs", "/openapi.json"]) {
  Deno.test(`HEAD ${path} responds like GET, without the body`, async () => {
    const { server } = await start();
    await using _ = server;
    const url = `${server.url}${path}`;
    const get = await fetch(url);
    const { byteLength } = await get.arrayBuffer();
    const head = await fetch(url, { method: "HEAD" });
    assertEquals(head.status, 200);
    assertEquals(head.headers.get("content-length"), String(byteLength));
    assertEquals(head.headers.get("etag"), get.headers.get("etag"));
    assertEquals(head.headers.get("content-type"), get.headers.get("content-type"));
    assert(byteLength > 0);
    const tag = get.headers.get("etag") ?? "";
    const unchanged = await fetch(url, { method: "HEAD", headers: { "If-None-Match": tag } });
    assertEquals(unchanged.status, 304);
  });
}
