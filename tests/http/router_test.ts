import { assertEquals } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";

async function start(): Promise<ServerUnderTest> {
  return await new ServerUnderTest({ data: [runRoutes({ history: new FakeRunHistory() })] })
    .start();
}

Deno.test("Router responds with the allowed methods, on every path", async () => {
  await using server = await start();
  for (
    const path of ["/runs", "/runs/1", "/api/v1/runs", "/api/v1/runs/1", "/docs", "/openapi.json"]
  ) {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(server.url + path, { method });
      assertEquals(
        (await response.json()).detail,
        `Method ${method} is not allowed on ${path}: expected GET`,
      );
      assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
    }
  }
});

Deno.test("Router refers to /docs if no route matches", async () => {
  await using server = await start();
  for (const path of ["/run", "/runs/", "/api/v1/", "/api/v2/runs", "/runs/1/jobs"]) {
    const response = await fetch(server.url + path);
    assertEquals(response.status, 404);
    assertEquals((await response.json()).detail, `No route ${path}; see /docs`);
  }
});
