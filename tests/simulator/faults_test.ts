import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { serve, TOKEN, toObjects } from "./serve.ts";

const RUNS = "/repos/octo-org/api/actions/runs";

function serveApi() {
  const github = serve();
  github.world.addRepository({ full_name: "octo-org/api" });
  return github;
}

Deno.test("Faults.add() answers the next requests with a status, then as usual", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 502 }, { requests: 2 });
  const first = await github.ask("/user");
  assertEquals([first.status, first.headers.get("content-type")], [
    502,
    "text/html; charset=utf-8",
  ]);
  assertMatch(first.text, /<title>Unicorn!/);
  assertEquals((await github.ask("/user")).status, 502);
  const third = await github.ask("/user");
  assertEquals([third.status, third.headers.get("x-ratelimit-used")], [200, "1"]);
});

Deno.test("Faults.add() can answer a server error in JSON", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 500, body: "json" });
  const { status, json } = await github.ask("/user");
  assertEquals([status, json.message], [500, "Server Error"]);
});

Deno.test("Faults.add() strikes only the paths that match", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 503 }, {
    path: /\/actions\/runs\?per_page=2/g,
  });
  const statuses = [];
  for (const path of ["/user", RUNS, `${RUNS}?per_page=2`, `${RUNS}?per_page=2`]) {
    statuses.push((await github.ask(path)).status);
  }
  assertEquals(statuses, [200, 200, 503, 200]);
});

Deno.test("Faults.clear() ends them all", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 503 }, { requests: 100 });
  github.simulator.faults.clear();
  assertEquals((await github.ask("/user")).status, 200);
});

Deno.test("A secondary limit tells when to come back, or does not", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "secondary_limit", retryAfter: 30 });
  github.simulator.faults.add({ kind: "secondary_limit", status: 429 });
  const first = await github.ask("/user");
  assertEquals([first.status, first.headers.get("retry-after")], [403, "30"]);
  assertEquals(first.headers.get("x-ratelimit-remaining"), "5000");
  assertMatch(String(first.json.message), /^You have exceeded a secondary rate limit\./);
  const second = await github.ask("/user");
  assertEquals([second.status, second.headers.get("retry-after")], [429, null]);
});

Deno.test("A delayed answer comes when its time has passed", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "delay", ms: 30_000 });
  let isAnswered = false;
  const pending = github.ask("/user").then(({ status }) => {
    isAnswered = true;
    return status;
  });
  await github.clock.waitForSleeper();
  github.clock.advance(29);
  assertEquals((await github.ask("/rate_limit")).status, 200);
  assertEquals(isAnswered, false);
  github.clock.advance(1);
  assertEquals(await pending, 200);
});

Deno.test("A cut connection breaks in the midst of the answer", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "cut" });
  await assertRejects(() => github.ask("/user"), TypeError);
  assertEquals(github.simulator.requests.entries.map(({ status }) => status), [0]);
  assertEquals((await github.ask("/user")).status, 200);
});

Deno.test("A cut connection breaks where the answer would have been 304 too", async () => {
  await using github = serveApi();
  const etag = (await github.ask(RUNS)).headers.get("etag") ?? "";
  github.simulator.faults.add({ kind: "cut" });
  await assertRejects(() => github.ask(RUNS, { headers: { "if-none-match": etag } }), TypeError);
});

Deno.test("Garbage is 200 with what is no JSON", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "garbage" });
  const { status, text, headers } = await github.ask(RUNS);
  assertEquals([status, headers.get("content-type")], [200, "application/json; charset=utf-8"]);
  assertThrows(() => JSON.parse(text), SyntaxError);
});

Deno.test("RunIndex.lag() leaves the newest run out of the next lists, while by id it is there", async () => {
  await using github = serveApi();
  const old = github.world.addRun("octo-org/api");
  const newest = github.world.addRun("octo-org/api");
  github.simulator.index.lag("octo-org/api", { requests: 2 });
  const ids = async () =>
    toObjects((await github.ask(RUNS)).json.workflow_runs).map(({ id }) => id);
  assertEquals(await ids(), [old.id]);
  assertEquals((await github.ask(`${RUNS}/${newest.id}`)).status, 200);
  assertEquals(await ids(), [old.id]);
  assertEquals(await ids(), [newest.id, old.id]);
});

Deno.test("RunIndex.lag() can show an older state, while by id it is exact", async () => {
  await using github = serveApi();
  const { id } = github.world.addRun("octo-org/api");
  github.simulator.index.lag("octo-org/api", { shows: "frozen" });
  github.clock.advance(10);
  github.world.updateRun(id, { status: "completed", conclusion: "success" });
  const listed = async () => toObjects((await github.ask(RUNS)).json.workflow_runs)[0]?.status;
  assertEquals((await github.ask(`${RUNS}/${id}`)).json.status, "completed");
  assertEquals(await listed(), "queued");
  assertEquals(await listed(), "completed");
});

Deno.test("RunIndex.lag() touches no other repository", async () => {
  await using github = serveApi();
  github.world.addRepository({ full_name: "octo-org/web" });
  github.world.addRun("octo-org/web");
  github.simulator.index.lag("octo-org/api");
  assertEquals((await github.ask("/repos/octo-org/web/actions/runs")).json.total_count, 1);
});

Deno.test("Faults never show in what a token has left", async () => {
  await using github = serveApi();
  github.simulator.faults.add({ kind: "status", status: 500 });
  github.simulator.faults.add({ kind: "secondary_limit" });
  await github.ask("/user");
  await github.ask("/user");
  assertEquals(github.simulator.rateLimits.get({ token: TOKEN }).used, 0);
});
