import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { serve, TOKEN, toObjects } from "./serve.ts";

const RUNS = "/repos/octo-org/api/actions/runs";

function serveApi() {
  const github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  return github;
}

Deno.test("Faults.add() changes the status of the next requests", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 502 }, { requests: 2 });
  const first = await github.request("/user");
  assertEquals([first.status, first.headers.get("content-type")], [
    502,
    "text/html; charset=utf-8",
  ]);
  assertMatch(first.text, /<title>Unicorn!/);
  assertEquals((await github.request("/user")).status, 502);
  const third = await github.request("/user");
  assertEquals([third.status, third.headers.get("x-ratelimit-used")], [200, "1"]);
});

Deno.test("Faults.add() can return a server error as JSON", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 500, body: "json" });
  const { status, json } = await github.request("/user");
  assertEquals([status, json.message], [500, "Server Error"]);
});

Deno.test("Faults.add() only affects matching paths", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 503 }, {
    path: /\/actions\/runs\?per_page=2/g,
  });
  const statuses = [];
  for (const path of ["/user", RUNS, `${RUNS}?per_page=2`, `${RUNS}?per_page=2`]) {
    statuses.push((await github.request(path)).status);
  }
  assertEquals(statuses, [200, 200, 503, 200]);
});

Deno.test("Faults.clear() removes all faults", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 503 }, { requests: 100 });
  github.simulator.faults.clear();
  assertEquals((await github.request("/user")).status, 200);
});

Deno.test("A secondary limit has an optional Retry-After", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "secondary_limit", retryAfter: 30 });
  github.simulator.faults.add({ kind: "secondary_limit", status: 429 });
  const first = await github.request("/user");
  assertEquals([first.status, first.headers.get("retry-after")], [403, "30"]);
  assertEquals(first.headers.get("x-ratelimit-remaining"), "5000");
  assertMatch(String(first.json.message), /^You have exceeded a secondary rate limit\./);
  const second = await github.request("/user");
  assertEquals([second.status, second.headers.get("retry-after")], [429, null]);
});

Deno.test("A delayed response arrives after its delay", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "delay", ms: 30_000 });
  let isAnswered = false;
  const pending = github.request("/user").then(({ status }) => {
    isAnswered = true;
    return status;
  });
  await github.clock.waitForSleeper();
  github.clock.advance(29);
  assertEquals((await github.request("/rate_limit")).status, 200);
  assertEquals(isAnswered, false);
  github.clock.advance(1);
  assertEquals(await pending, 200);
});

Deno.test("A cut connection breaks in the middle of the response", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "cut" });
  await assertRejects(() => github.request("/user"), TypeError);
  assertEquals(github.simulator.requests.entries.map(({ status }) => status), [0]);
  assertEquals((await github.request("/user")).status, 200);
});

Deno.test("A cut connection breaks even if the response would be a 304", async () => {
  await using github = serveApi();
  const etag = (await github.request(RUNS)).headers.get("etag") ?? "";
  github.simulator.faults.add({ kind: "cut" });
  await assertRejects(
    () => github.request(RUNS, { headers: { "if-none-match": etag } }),
    TypeError,
  );
});

Deno.test("Garbage is 200 with invalid JSON", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "garbage" });
  const { status, text, headers } = await github.request(RUNS);
  assertEquals([status, headers.get("content-type")], [200, "application/json; charset=utf-8"]);
  assertThrows(() => JSON.parse(text), SyntaxError);
});

Deno.test("RunIndex.lag() omits the newest run from the next lists, but not by id", async () => {
  await using github = serveApi();
  const old = github.world.addRun("octo-org/api");
  const newest = github.world.addRun("octo-org/api");
  github.simulator.index.lag("octo-org/api", { requests: 2 });
  const ids = async () =>
    toObjects((await github.request(RUNS)).json.workflow_runs).map(({ id }) => id);
  assertEquals(await ids(), [old.id]);
  assertEquals((await github.request(`${RUNS}/${newest.id}`)).status, 200);
  assertEquals(await ids(), [old.id]);
  assertEquals(await ids(), [newest.id, old.id]);
});

Deno.test("RunIndex.lag() can show an older state in lists, but not by id", async () => {
  await using github = serveApi();
  const { id } = github.world.addRun("octo-org/api");
  github.simulator.index.lag("octo-org/api", { shows: "frozen" });
  github.clock.advance(10);
  github.world.updateRun(id, { status: "completed", conclusion: "success" });
  const listed = async () => toObjects((await github.request(RUNS)).json.workflow_runs)[0]?.status;
  assertEquals((await github.request(`${RUNS}/${id}`)).json.status, "completed");
  assertEquals(await listed(), "queued");
  assertEquals(await listed(), "completed");
});

Deno.test("RunIndex.lag() affects no other repository", async () => {
  await using github = serveApi();
  github.world.addRepository({ full_name: "octo-org/web" });
  github.world.addRun("octo-org/web");
  github.simulator.index.lag("octo-org/api");
  assertEquals((await github.request("/repos/octo-org/web/actions/runs")).json.total_count, 1);
});

Deno.test("Faults do not change the remaining rate limit", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 500 });
  github.simulator.faults.add({ kind: "secondary_limit" });
  await github.request("/user");
  await github.request("/user");
  assertEquals(github.simulator.rateLimits.get({ token: TOKEN }).used, 0);
});
