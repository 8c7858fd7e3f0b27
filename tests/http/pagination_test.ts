import { assertEquals } from "@std/assert";
import { runRoutes } from "../../src/http/routes/run.ts";
import { RawRequest } from "../fakes/clients/raw_request.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { type ServerSettings, ServerUnderTest } from "../fakes/apps/server.ts";

/** The `Link` header of a list of 95 runs: path and query by relation. */
async function links(
  query: string,
  settings: ServerSettings & { total?: number; host?: string } = {},
) {
  const history = new FakeRunHistory();
  history.total = settings.total ?? 95;
  await using server = await new ServerUnderTest({ data: [runRoutes({ history })], ...settings })
    .start();
  const { host = new URL(server.url).host } = settings;
  using request = await RawRequest.get(server.port, `/runs?${query}`, { Host: host });
  const { headers } = await request.readResponse();
  const link = headers.get("link") ?? "";
  const found = link.matchAll(/<([^>]+)>; rel="(\w+)"/g);
  return Object.fromEntries(
    [...found].map(([, url = "", name = ""]) => [name, url.replace(server.url, "")]),
  );
}

Deno.test("Link names the next and the last page on the first", async () => {
  assertEquals(await links("status=queued"), {
    next: "/runs?status=queued&page=2",
    last: "/runs?status=queued&page=4",
  });
});

Deno.test("Link names every page in the middle, with all parameters", async () => {
  assertEquals(await links("page=2&q=fix+it&per_page=10"), {
    first: "/runs?page=1&q=fix+it&per_page=10",
    prev: "/runs?page=1&q=fix+it&per_page=10",
    next: "/runs?page=3&q=fix+it&per_page=10",
    last: "/runs?page=10&q=fix+it&per_page=10",
  });
});

Deno.test("Link names the first and the previous page on the last", async () => {
  assertEquals(await links("page=4"), { first: "/runs?page=1", prev: "/runs?page=3" });
});

Deno.test("Link leads back from a page beyond the last", async () => {
  assertEquals(await links("page=9"), { first: "/runs?page=1", prev: "/runs?page=4" });
});

Deno.test("Link is absent if there is at most one page", async () => {
  assertEquals(await links("", { total: 30 }), {});
  assertEquals(await links("", { total: 0 }), {});
});

Deno.test("Link has the public URL for requests to it", async () => {
  const publicUrl = "https://ci.example.com/runwire/";
  const origins = { allowed: [], hosts: [] };
  const settings = { publicUrl, origins, total: 31 };
  assertEquals(await links("", { ...settings, host: "ci.example.com" }), {
    next: "https://ci.example.com/runwire/runs?page=2",
    last: "https://ci.example.com/runwire/runs?page=2",
  });
  assertEquals(await links("", settings), { next: "/runs?page=2", last: "/runs?page=2" });
});
