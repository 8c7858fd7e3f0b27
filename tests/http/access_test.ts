import { assertEquals } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { RawRequest } from "../fakes/clients/raw_request.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

const PAGE = "https://ci.example";
const ORIGINS = { allowed: [PAGE], hosts: ["127.0.0.1"] };

async function start(origins = ORIGINS) {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  return await new ServerUnderTest({ data, origins }).start();
}

for (const path of ["/runs", "/api/v1/runs/1"]) {
  Deno.test(`GET ${path} is not for a host that was made to point at us`, async () => {
    await using server = await start();
    using request = await RawRequest.get(server.port, path, { Host: "rebound.example" });
    const { status, body } = await request.readResponse();
    assertEquals([status, JSON.parse(body).code], [403, "origin_not_allowed"]);
  });

  Deno.test(`GET ${path} is not for pages of foreign origins`, async () => {
    await using server = await start();
    const response = await fetch(server.url + path, {
      headers: { origin: "https://evil.example" },
    });
    assertEquals((await response.json()).code, "origin_not_allowed");
    assertEquals(response.headers.get("access-control-allow-origin"), null);
  });
}

Deno.test("GET /runs lets a page of an allowed origin read, also what has not changed", async () => {
  await using server = await start();
  const headers = { origin: PAGE };
  const response = await fetch(`${server.url}/runs`, { headers });
  await response.body?.cancel();
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
  assertEquals(response.headers.get("vary"), "Cookie, Authorization, Origin");
  assertEquals(response.headers.get("access-control-expose-headers")?.includes("Link"), true);
  const tag = response.headers.get("etag") ?? "";
  const same = await fetch(`${server.url}/runs`, { headers: { ...headers, "If-None-Match": tag } });
  assertEquals([same.status, same.headers.get("access-control-allow-origin")], [304, PAGE]);
});

Deno.test("GET /runs lets an allowed page read what is wrong", async () => {
  await using server = await start();
  const response = await fetch(`${server.url}/runs?page=x`, { headers: { origin: PAGE } });
  assertEquals((await response.json()).code, "invalid_parameter");
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
});

Deno.test("Router says which methods are allowed, on every path", async () => {
  await using server = await start();
  for (
    const path of ["/runs", "/runs/1", "/api/v1/runs", "/api/v1/runs/1", "/docs", "/openapi.json"]
  ) {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(server.url + path, { method });
      assertEquals((await response.json()).detail, `Cannot ${method} ${path}: allowed is GET`);
      assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
    }
  }
});

Deno.test("Router points to /docs where there is nothing", async () => {
  await using server = await start();
  for (const path of ["/run", "/runs/", "/api/v1/", "/api/v2/runs", "/runs/1/jobs"]) {
    const response = await fetch(server.url + path);
    assertEquals(response.status, 404);
    assertEquals((await response.json()).detail, `Cannot find ${path}: /docs shows what there is`);
  }
});
