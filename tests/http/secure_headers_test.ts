import { assertEquals, assertMatch } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

async function start(publicUrl?: string) {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  const server = new ServerUnderTest({ data, ...(publicUrl ? { publicUrl } : {}) });
  return await server.start();
}

async function fetchHeaders(url: string, init: RequestInit = {}): Promise<Headers> {
  const { headers, body } = await fetch(url, init);
  await body?.cancel();
  return headers;
}

const PATHS = [
  "/runs",
  "/api/v1/runs",
  "/runs?page=x",
  "/runs/7",
  "/health",
  "/openapi.json",
  "/docs",
  "/docs/start.js",
  "/api/v1/events",
  "/ws",
  "/nowhere",
];

Deno.test("Every response has security headers", async () => {
  await using server = await start();
  for (const path of PATHS) {
    const headers = await fetchHeaders(server.url + path);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("x-frame-options"), "DENY", path);
    assertEquals(headers.get("referrer-policy"), "no-referrer", path);
    const policy = headers.get("content-security-policy") ?? "";
    assertMatch(policy, /^default-src 'none'; /, path);
    assertMatch(policy, /frame-ancestors 'none'/, path);
    assertEquals(policy.includes("unsafe"), false, path);
    assertEquals(headers.get("strict-transport-security"), null, path);
  }
});

Deno.test("Every response has HSTS if the public URL is https", async () => {
  await using server = await start("https://ci.example.com");
  for (const path of PATHS) {
    const headers = await fetchHeaders(server.url + path);
    assertEquals(headers.get("strict-transport-security"), "max-age=63072000", path);
  }
});

Deno.test("Responses that depend on the caller are not stored by shared caches", async () => {
  await using server = await start();
  for (const path of ["/runs", "/runs?page=x", "/runs/7", "/api/v1/runs", "/api/v1/events"]) {
    const headers = await fetchHeaders(server.url + path);
    assertEquals(headers.get("cache-control"), "private, no-cache", path);
    assertMatch(headers.get("vary") ?? "", /Cookie, Authorization/, path);
  }
  const etag = (await fetchHeaders(`${server.url}/runs`)).get("etag") ?? "";
  const unchanged = await fetchHeaders(`${server.url}/runs`, {
    headers: { "If-None-Match": etag },
  });
  assertEquals(unchanged.get("cache-control"), "private, no-cache");
  assertMatch(unchanged.get("vary") ?? "", /Cookie, Authorization/);
  assertEquals(unchanged.get("x-content-type-options"), "nosniff");
});
