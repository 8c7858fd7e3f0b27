import { assertEquals } from "@std/assert";
import { StorageError } from "../../src/errors.ts";
import { runRoutes } from "../../src/http/routes/run.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { CapturedLog } from "../fakes/log.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

for (const path of ["/runs", "/api/v1/runs", "/runs/1"]) {
  Deno.test(`GET ${path} answers 503 with Retry-After while the storage is unavailable`, async () => {
    const history = new FakeRunHistory();
    await using server = await new ServerUnderTest({ data: [runRoutes({ history })] }).start();
    for (const kind of ["unavailable", "corrupt"] as const) {
      history.error = new StorageError(kind, "postgres://user:secret@db does not answer");
      const response = await fetch(server.url + path);
      assertEquals([response.status, response.headers.get("retry-after")], [503, "30"]);
      assertEquals(await response.json(), {
        title: "Storage unavailable",
        status: 503,
        detail: "Storage is unavailable; retry later",
        code: "storage_unavailable",
      });
    }
    history.error = undefined;
    const response = await fetch(`${server.url}/runs`);
    await response.body?.cancel();
    assertEquals(response.status, 200);
  });
}

Deno.test("GET /runs answers 500 to an unexpected error, with the request ID", async () => {
  await using _log = await new CapturedLog().start();
  const history = new FakeRunHistory();
  history.list = () => Promise.reject(new TypeError("what a client sent"));
  await using server = await new ServerUnderTest({ data: [runRoutes({ history })] }).start();
  const response = await fetch(`${server.url}/runs`);
  const { code, detail } = await response.json();
  const id = response.headers.get("x-request-id");
  assertEquals([response.status, code], [500, "internal"]);
  assertEquals(detail, `Internal error; see request ${id} in the log`);
});
