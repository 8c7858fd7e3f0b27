import { assert, assertEquals, assertMatch } from "@std/assert";
import { APP_WEBHOOK_SECRET, AppWithWebhooks } from "../fakes/apps/app_with_webhooks.ts";
import { waitUntil } from "../fakes/wait.ts";

const A = "octo/a";

Deno.test("POST /repositories follows a repository, and creates its webhook", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id, workflows: [workflow] } = test.world.addRepository({
    full_name: A,
    private: true,
    default_branch: "trunk",
  });
  test.world.addRun(A, { status: "completed", conclusion: "success" });
  const { status, headers, json } = await test.follow("Octo/A");
  assertEquals([status, headers.get("location")], [201, `/repositories/${id}`]);
  const [hook] = test.simulator.webhooks.list(A);
  assertEquals([hook?.secret, hook?.url], [
    APP_WEBHOOK_SECRET,
    `${test.url}/api/v1/webhook/github`,
  ]);
  const { followed_at, polled_at, pushed_at, html_url, ...rest } = json;
  assertEquals(rest, {
    id,
    full_name: A,
    private: true,
    default_branch: "trunk",
    followed: true,
    error: null,
    webhook: { state: "active", id: hook?.id },
    backfill: null,
  });
  assertEquals([followed_at, polled_at].map(Date.parse).some(Number.isNaN), false);
  assertMatch(`${pushed_at} ${html_url}`, /^\S+Z http\S+\/octo\/a$/);
  const shown = (await test.request("GET", `/api/v1/repositories/${id}`)).json;
  assertEquals({ ...shown, polled_at }, json);
  const list = await test.request("GET", "/repositories?followed=true&sort=name");
  assertEquals(list.json.items.map((each: { id: number }) => each.id), [id]);
  const { json: shownWorkflow } = await test.request("GET", `/workflows/${workflow?.id}`);
  assertEquals([shownWorkflow.path, shownWorkflow.state], [workflow?.path, "active"]);
  assertEquals((await test.request("GET", "/runs")).json.total_count, 1);
  await waitUntil(
    () => test.events.some(({ type, repository }) => type === "repository" && repository === A),
    "the feed has the event",
  );
});

Deno.test("POST /repositories rejects invalid and inaccessible repositories", async () => {
  await using test = await new AppWithWebhooks().start();
  const { world } = test;
  for (const name of ["a", "b", "c"]) world.addRepository({ full_name: `octo/${name}` });
  const answer = async (name: string, fields: Record<string, unknown> = {}) => {
    const { status, json } = await test.follow(name, fields);
    return `${status} ${json.code}`;
  };
  assertEquals(await answer("octo/none"), "404 repository_not_found");
  world.blockRepository("octo/b", 403);
  assertEquals(await answer("octo/b"), "403 repository_forbidden");
  world.blockRepository("octo/b", 451);
  assertEquals(await answer("octo/b"), "403 repository_forbidden");
  assertEquals((await test.follow("octo/c")).status, 201);
  assertEquals(await answer("OCTO/c"), "409 already_followed");
  assertEquals(await answer("octo"), "400 invalid_body");
  for (const days of [0, 401, 1.5, "3"]) {
    assertEquals(await answer(A, { backfill_days: days }), "400 invalid_body");
  }
  assertEquals(await answer(A, { other: 1 }), "400 invalid_body");
  assertEquals((await test.request("GET", "/repositories?followed=true")).json.total_count, 1);
});

Deno.test("POST /repositories reports runs that are not accessible", async () => {
  await using test = await new AppWithWebhooks().start();
  test.world.addRepository({ full_name: A });
  test.simulator.faults.add({ kind: "status", status: 404 }, { path: /actions\/workflows/ });
  const { status, json } = await test.follow(A);
  assertEquals([status, json.code], [403, "repository_forbidden"]);
});

Deno.test("POST /repositories sends Retry-After while GitHub is unavailable or rate limited", async () => {
  await using test = await new AppWithWebhooks().start();
  test.world.addRepository({ full_name: A });
  test.simulator.faults.add({ kind: "status", status: 502 });
  const unavailable = await test.follow(A);
  assertEquals([unavailable.status, unavailable.json.code], [503, "github_unavailable"]);
  assert(Number(unavailable.headers.get("retry-after")) > 0);
  test.simulator.faults.add({ kind: "secondary_limit", retryAfter: 77 });
  const limited = await test.follow(A);
  assertEquals([limited.status, limited.json.code], [503, "github_rate_limited"]);
  const wait = Number(limited.headers.get("retry-after"));
  assert(wait > 70 && wait <= 78, `Retry-After is ${wait} s`);
});

Deno.test("POST /repositories reports that GitHub rejects the server's credential", async () => {
  await using test = await new AppWithWebhooks({ environment: { GITHUB_TOKEN: "ghp_wrong" } })
    .start();
  test.world.addRepository({ full_name: A });
  const { status, json } = await test.follow(A);
  assertEquals([status, json.code], [502, "github_unauthorized"]);
  assert(!JSON.stringify(json).includes("ghp_wrong"));
});

Deno.test("POST /repositories follows a renamed repository by its id", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: "octo/old" });
  test.world.renameRepository("octo/old", A);
  const { status, json } = await test.follow("octo/old");
  assertEquals([status, json.id, json.full_name, json.webhook.state], [201, id, A, "active"]);
  assertEquals((await test.follow(A)).status, 409);
  assertEquals(test.simulator.webhooks.list(A).length, 1);
});

Deno.test("POST /repositories reports why a webhook is missing, and polls the repository", async () => {
  await using test = await new AppWithWebhooks().start();
  test.world.addRepository({ full_name: A, admin: false });
  const { status, json } = await test.follow(A);
  assertEquals([status, json.webhook.state], [201, "none"]);
  assertMatch(json.webhook.reason, /may not manage webhooks/);
  // Nothing has changed since: a 304 uses no rate limit.
  await waitUntil(() => test.simulator.requests.counts.notModified > 0, "its runs are polled");
});

Deno.test("POST /repositories imports past runs on request", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: A });
  const created_at = new Date(Date.now() - 3 * 24 * 60 * 60_000).toISOString();
  for (let count = 0; count < 150; count++) {
    test.world.addRun(A, { created_at, status: "completed", conclusion: "success" });
  }
  assertEquals((await test.follow(A, { backfill_days: 7 })).status, 201);
  await test.waitForRepository(id, ({ backfill }) => backfill?.state === "done");
  assertEquals((await test.request("GET", "/runs")).json.total_count, 150);
});

Deno.test("A followed repository is polled without clients, also after a restart", async () => {
  await using test = await new AppWithWebhooks({ environment: { PUBLIC_URL: "" } }).start();
  test.world.addRepository({ full_name: A });
  assertEquals((await test.follow(A)).status, 201);
  await test.stopApp();
  const run = test.world.addRun(A);
  await test.start();
  await waitUntil(
    () => test.events.some(({ type, data }) => type === "run" && data.id === run.id),
    "the feed has the run",
  );
  const { json } = await test.request("GET", `/runs/${run.id}`);
  assertEquals([json.id, json.status], [run.id, "queued"]);
});

Deno.test("Polling of followed repositories reserves a tenth of the rate limit", async () => {
  await using test = await new AppWithWebhooks({ environment: { PUBLIC_URL: "" } }).start();
  for (const name of ["a", "b", "c"]) {
    test.world.addRepository({ full_name: `octo/${name}` });
    await test.follow(`octo/${name}`);
  }
  await test.stopApp();
  const reset = Math.ceil(Date.now() / 1_000) + 3_600;
  test.simulator.rateLimits.set("ghp_for_tests_alone", { remaining: 450, reset });
  test.simulator.requests.clear();
  await test.start();
  const countRunRequests = () =>
    test.simulator.requests.entries.filter(({ path }) => path.includes("/actions/runs")).length;
  await waitUntil(() => countRunRequests() > 0, "the first request returns the rate limit");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assertEquals(countRunRequests(), 1);
});

Deno.test("Clients create and remove webhooks even if little is left of the rate limit", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: A });
  const reset = Math.ceil(Date.now() / 1_000) + 3_600;
  test.simulator.rateLimits.set("ghp_for_tests_alone", { remaining: 450, reset });
  const { json } = await test.follow(A);
  assertEquals(json.webhook.state, "active");
  const { json: unfollowed } = await test.request("DELETE", `/repositories/${id}`);
  assertEquals([unfollowed.webhook_error, test.simulator.webhooks.list(A).length], [null, 0]);
});
