import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { serve } from "./serve.ts";

const RUNS = "/repos/octo-org/api/actions/runs";

function serveApi(tokens = ["ghp_simulated", "ghp_other"]) {
  const github = serve({ tokens });
  github.world.addRepository({ full_name: "octo-org/api" });
  return github;
}

Deno.test("If-None-Match with the current ETag gets 304 without a body, free of charge", async () => {
  await using github = serveApi();
  const first = await github.request(RUNS);
  const etag = first.headers.get("etag") ?? "";
  assertMatch(etag, /^W\/"[0-9a-f]{64}"$/);
  const again = await github.request(RUNS, { headers: { "if-none-match": etag } });
  assertEquals([again.status, again.text], [304, ""]);
  assertEquals(again.headers.get("etag"), etag);
  assertEquals(again.headers.get("x-ratelimit-used"), "1");
  assertEquals(again.headers.get("x-ratelimit-remaining"), "4999");
  assertEquals(github.simulator.requests.counts, { requests: 2, notModified: 1, charged: 1 });
});

Deno.test("If-None-Match gets 200 with a new ETag after the content has changed", async () => {
  await using github = serveApi();
  const etag = (await github.request(RUNS)).headers.get("etag") ?? "";
  github.world.addRun("octo-org/api");
  const changed = await github.request(RUNS, { headers: { "if-none-match": etag } });
  assertEquals([changed.status, changed.json.total_count], [200, 1]);
  assertNotEquals(changed.headers.get("etag"), etag);
  assertEquals(changed.headers.get("x-ratelimit-used"), "2");
});

Deno.test("If-None-Match accepts a list of weak or strong tags", async () => {
  await using github = serveApi();
  const etag = (await github.request(RUNS)).headers.get("etag") ?? "";
  const list = await github.request(RUNS, {
    headers: { "if-none-match": `"other", ${etag.slice(2)}` },
  });
  assertEquals(list.status, 304);
});

Deno.test("ETag differs between tokens", async () => {
  await using github = serveApi();
  const firstEtag = (await github.request(RUNS)).headers.get("etag") ?? "";
  const headers = { authorization: "Bearer ghp_other", "if-none-match": firstEtag };
  assertEquals((await github.request(RUNS, { headers })).status, 200);
});

Deno.test("ETag of the runs stays when only pushed_at changes", async () => {
  await using github = serveApi();
  github.world.addRun("octo-org/api");
  const etag = (await github.request(RUNS)).headers.get("etag");
  github.clock.advance(60);
  github.world.push("octo-org/api", { runs: [] });
  assertEquals((await github.request(RUNS)).headers.get("etag"), etag);
});

Deno.test("Responses are private for 60 seconds; errors have no ETag", async () => {
  await using github = serveApi();
  const found = await github.request(RUNS);
  assertEquals(found.headers.get("cache-control"), "private, max-age=60");
  assertEquals((await github.request("/repos/octo-org/none")).headers.get("etag"), null);
});
