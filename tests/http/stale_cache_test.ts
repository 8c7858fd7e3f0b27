import { assertEquals, assertNotEquals } from "@std/assert";
import { StorageError } from "../../src/errors.ts";
import { StaleCache } from "../../src/http/stale_cache.ts";
import { runRoutes } from "../../src/http/routes/run.ts";
import { FakeAuthenticator, keyPrincipal } from "../fakes/stores/authenticator.ts";
import { ManualClock, OffsetClock } from "../fakes/clock.ts";
import { aRun } from "../fakes/stores/github.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";

const STORAGE_DOWN = new StorageError("unavailable", "The database does not answer");

Deno.test("GET /runs sends its last response with its Age while the storage is unavailable", async () => {
  const history = new FakeRunHistory();
  history.total = 90;
  const clock = new OffsetClock();
  const data = [runRoutes({ history })];
  await using server = await new ServerUnderTest({ data, clock }).start();
  const request = async (query: string, headers: HeadersInit = {}) => {
    const response = await fetch(`${server.url}/runs${query}`, { headers });
    const header = (name: string) => response.headers.get(name);
    return { status: response.status, header, body: await response.text() };
  };
  const before = await request("?page=2");
  assertEquals([before.status, before.header("age")], [200, null]);
  history.error = STORAGE_DOWN;
  history.runs = [aRun({ id: 99 })];
  clock.advance(40_000);
  const stale = await request("?page=2");
  assertEquals([stale.status, stale.body], [200, before.body]);
  for (const name of ["etag", "link", "content-type", "cache-control"]) {
    assertEquals(stale.header(name), before.header(name));
    assertNotEquals(stale.header(name), null);
  }
  assertEquals([stale.header("age"), stale.header("retry-after")], ["40", null]);
  const unchanged = await request("?page=2", { "If-None-Match": before.header("etag") ?? "" });
  assertEquals([unchanged.status, unchanged.header("age")], [304, "40"]);
  const uncached = await request("?page=3");
  assertEquals([uncached.status, uncached.header("retry-after")], [503, "30"]);
  clock.advance(600_000);
  assertEquals((await request("?page=2")).status, 503);
  history.error = undefined;
  assertEquals((await request("?page=2")).header("age"), null);
});

Deno.test("GET /runs sends no stale response if authentication is required", async () => {
  const history = new FakeRunHistory();
  const authenticator = new FakeAuthenticator();
  authenticator.principals.set("rw", keyPrincipal());
  const data = [runRoutes({ history })];
  await using server = await new ServerUnderTest({ data, authenticator }).start();
  const request = async () => {
    const headers = { authorization: "Bearer rw" };
    const response = await fetch(`${server.url}/runs`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await request(), 200);
  history.error = STORAGE_DOWN;
  assertEquals(await request(), 503);
});

Deno.test("GET /runs sends no stale response if the storage is damaged", async () => {
  const history = new FakeRunHistory();
  const data = [runRoutes({ history })];
  await using server = await new ServerUnderTest({ data }).start();
  const request = async () => {
    const response = await fetch(`${server.url}/runs`);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await request(), 200);
  history.error = new StorageError("corrupt", "Its content is damaged");
  assertEquals(await request(), 503);
});

Deno.test("StaleCache evicts the oldest entry when the total size exceeds the limit", () => {
  const cache = new StaleCache(new ManualClock(0));
  const body = (mebibytes: number) => new Uint8Array(mebibytes * 1024 * 1024);
  const cachedUrls = () => ["a", "b", "c"].filter((url) => cache.find(url, new Headers()));
  cache.store("a", body(6), new Headers());
  cache.store("b", body(6), new Headers());
  assertEquals(cachedUrls(), ["a", "b"]);
  cache.store("a", body(5), new Headers());
  cache.store("c", body(6), new Headers());
  assertEquals(cachedUrls(), ["a", "c"]);
  cache.store("c", body(17), new Headers());
  assertEquals(cachedUrls(), ["a"]);
});

Deno.test("StaleCache counts URLs and overhead of small entries toward the limit", () => {
  const cache = new StaleCache(new ManualClock(0));
  const small = new Uint8Array(1);
  const isCached = (url: string) => cache.find(url, new Headers()) !== undefined;
  cache.store("first", small, new Headers());
  for (let at = 0; at < 1_000; at++) cache.store("x".repeat(8_192) + at, small, new Headers());
  assertEquals(isCached("first"), false);
  cache.store("second", small, new Headers());
  for (let at = 0; at < 40_000; at++) cache.store(`${at}`, small, new Headers());
  assertEquals(isCached("second"), false);
  assertEquals(isCached("39999"), true);
});
