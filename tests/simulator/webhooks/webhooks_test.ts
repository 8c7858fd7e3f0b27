import { assert, assertEquals, assertMatch, assertNotEquals, assertObjectMatch } from "@std/assert";
import { SECRET, serveWithWebhooks, waitUntil, WebhookReceiver } from "./webhook_setup.ts";
import { serve, TOKEN } from "../serve.ts";

const API = "octo-org/api";
const WEBHOOKS_PATH = `/repos/${API}/hooks`;
const RUN_EVENTS = ["workflow_run", "workflow_job"];
const timeline = { queued_seconds: 3, running_seconds: 30, conclusion: "failure" };

/** A repository with a webhook to a receiver. */
function setUpWebhook(events: readonly string[]) {
  const receiver = new WebhookReceiver();
  const github = serveWithWebhooks();
  github.world.addRepository({ full_name: API });
  const webhook = github.simulator.webhooks.add(API, { url: receiver.url, secret: SECRET, events });
  return {
    github,
    receiver,
    webhook,
    deliveries: () => github.simulator.webhooks.deliveries(webhook.id),
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

function post(body: unknown): RequestInit {
  return { method: "POST", body: JSON.stringify(body) };
}

Deno.test("Simulator.deliver() sends all events of a run in order, even if applied late", async () => {
  await using fixture = setUpWebhook(["*"]);
  const { github: { world, clock }, receiver } = fixture;
  const [run] = world.push(API, { runs: [{ timeline }] });
  clock.advance(60);
  const received = await receiver.waitForCount(7);
  assertEquals(receiver.receivedNames, [
    "push",
    "workflow_run requested",
    "workflow_job queued",
    "workflow_run in_progress",
    "workflow_job in_progress",
    "workflow_job completed",
    "workflow_run completed",
  ]);
  const payloads = received.map(({ body }) => JSON.parse(body));
  assertObjectMatch(payloads[0], {
    ref: "refs/heads/main",
    after: run?.head_sha,
    repository: { full_name: API, pushed_at: Date.parse("2026-01-01T00:00:00Z") / 1_000 },
  });
  const states = [1, 3, 6].map((i) => payloads[i].workflow_run).map((each) =>
    [each.id, each.status, each.conclusion, each.updated_at].join(" ")
  );
  assertEquals(states, [
    `${run?.id} queued  2026-01-01T00:00:00Z`,
    `${run?.id} in_progress  2026-01-01T00:00:03Z`,
    `${run?.id} completed failure 2026-01-01T00:00:33Z`,
  ]);
  assertObjectMatch(payloads[4], {
    workflow_job: {
      run_id: run?.id,
      run_attempt: 1,
      status: "in_progress",
      started_at: "2026-01-01T00:00:03Z",
    },
    repository: { full_name: API },
    sender: { login: "octocat" },
  });
});

Deno.test("Simulator.deliver() sends GitHub's headers, signed over the exact bytes", async () => {
  await using fixture = setUpWebhook(["workflow_run"]);
  const { github: { world }, receiver, webhook } = fixture;
  world.addRun(API, { display_title: "Füge \u{1F680} hinzu" });
  const [received] = await receiver.waitForCount(1);
  assert(received);
  const sent = Object.fromEntries(received.headers);
  assertObjectMatch(sent, {
    "content-type": "application/json",
    "x-github-event": "workflow_run",
    "x-github-hook-id": String(webhook.id),
    "x-github-hook-installation-target-type": "repository",
  });
  assertMatch(sent["user-agent"] ?? "", /^GitHub-Hookshot\//);
  assertMatch(received.guid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert(received.isSigned);
});

Deno.test("Simulator.deliver() sends no requested event for a re-run", async () => {
  await using fixture = setUpWebhook(RUN_EVENTS);
  const { github: { world }, receiver } = fixture;
  const { id } = world.addRun(API, { status: "completed" });
  await receiver.waitForCount(2);
  world.rerun(id);
  world.updateRun(id, { status: "in_progress" });
  world.updateRun(id, { display_title: "No change of state" });
  world.updateRun(id, { status: "completed", conclusion: "success" });
  await receiver.waitForCount(7);
  assertEquals(receiver.receivedNames.slice(2), [
    "workflow_job queued",
    "workflow_run in_progress",
    "workflow_job in_progress",
    "workflow_job completed",
    "workflow_run completed",
  ]);
});

Deno.test("Simulator.deliver() sends only later events of the subscribed types and repository", async () => {
  await using receiver = new WebhookReceiver();
  await using github = serveWithWebhooks();
  const { world, clock, simulator: { webhooks } } = github;
  for (const full_name of [API, "octo-org/web"]) world.addRepository({ full_name });
  world.push(API, { runs: [{ timeline }] });
  clock.advance(10);
  webhooks.add(API, { url: receiver.url, events: ["workflow_run"] });
  webhooks.add(API, { url: receiver.url, events: ["*"], active: false });
  const last = webhooks.add("octo-org/web", { url: receiver.url });
  clock.advance(60);
  world.push(API, { runs: [] });
  world.addRun("octo-org/web");
  world.push("octo-org/web", { runs: [] });
  await waitUntil(() => webhooks.deliveries(last.id).length === 1);
  assertEquals(receiver.receivedNames, ["workflow_run completed", "push"]);
});

Deno.test("Simulator.deliver() uses one GUID for all webhooks, and adds the installation for the app", async () => {
  await using receiver = new WebhookReceiver();
  await using github = serveWithWebhooks({ app: { id: 5, installations: [9] } });
  const { world, simulator: { webhooks } } = github;
  world.addRepository({ full_name: API });
  webhooks.add(API, { url: receiver.url });
  webhooks.addToApp({ url: receiver.url, secret: SECRET });
  world.push(API, { runs: [] });
  world.push(API, { runs: [] });
  const [one, two, three] = await receiver.waitForCount(4);
  assertEquals(one?.guid, two?.guid);
  assertNotEquals(one?.guid, three?.guid);
  assertEquals(JSON.parse(one?.body ?? "").installation, undefined);
  assertEquals(JSON.parse(two?.body ?? "").installation, { id: 9 });
  assertEquals([one?.isSigned, two?.isSigned], [false, true]);
});

Deno.test("Simulator.deliver() records every attempt, and never retries automatically", async () => {
  await using fixture = setUpWebhook(["push"]);
  const { github: { world, clock }, receiver, deliveries } = fixture;
  const silent = Promise.withResolvers<Response>();
  const answers = [
    new Response(null, { status: 202 }),
    new Response("no", { status: 503 }),
    Response.redirect(receiver.url, 301),
    silent.promise,
  ];
  receiver.respond = () => answers.shift() ?? new Response();
  for (let i = 0; i < 5; i++) world.push(API, { runs: [] });
  await receiver.waitForCount(4);
  await clock.waitForSleeper();
  clock.advance(10);
  await waitUntil(() => deliveries().length === 5);
  silent.resolve(new Response());
  const statuses = deliveries().map(({ status, status_code }) => `${status_code} ${status}`);
  assertEquals(statuses.toReversed(), [
    "202 OK",
    "503 Invalid HTTP Response: 503",
    "301 Invalid HTTP Response: 301",
    "504 timed out",
    "200 OK",
  ]);
  assertEquals(deliveries()[1]?.duration, 10);
  assertEquals(receiver.received.length, 5);
});

Deno.test("Simulator.deliver() records a failed connection", async () => {
  await using github = serveWithWebhooks();
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${closed.addr.port}`;
  closed.close();
  github.world.addRepository({ full_name: API });
  const { webhooks } = github.simulator;
  const { id } = webhooks.add(API, { url });
  github.world.push(API, { runs: [] });
  await waitUntil(() => webhooks.deliveries(id).length === 1);
  assertObjectMatch({ ...webhooks.deliveries(id)[0] }, {
    status: "failed to connect to host",
    status_code: 502,
  });
});

Deno.test("POST attempts redelivers under the same GUID", async () => {
  await using fixture = setUpWebhook(["push"]);
  const { github, receiver, webhook, deliveries } = fixture;
  github.world.push(API, { runs: [] });
  await waitUntil(() => deliveries().length === 1);
  const path = `${WEBHOOKS_PATH}/${webhook.id}/deliveries`;
  const first = deliveries()[0];
  const response = await github.request(`${path}/${first?.id}/attempts`, { method: "POST" });
  assertEquals(response.status, 202);
  await waitUntil(() => deliveries().length === 2);
  const [one, two] = receiver.received;
  assertEquals([two?.guid, two?.body], [one?.guid, one?.body]);
  const { list, text } = await github.request(path);
  assertEquals(list.map(({ guid, redelivery }) => [guid, redelivery]), [
    [one?.guid, true],
    [one?.guid, false],
  ]);
  assert(text.includes(`"id":${first?.id},`), text);
  assert((first?.id ?? 0n) > BigInt(Number.MAX_SAFE_INTEGER));
  assertEquals((await github.request(`${path}/1/attempts`, { method: "POST" })).status, 404);
  const { json } = await github.request(`${path}/${first?.id}`);
  assertObjectMatch(json, { url: webhook.url, request: { payload: { ref: "refs/heads/main" } } });
});

Deno.test("GET deliveries is paginated by a cursor that is stable while the list grows", async () => {
  await using fixture = setUpWebhook(["push"]);
  const { github, webhook, deliveries } = fixture;
  const push = async (count: number) => {
    const before = deliveries().length;
    for (let i = 0; i < count; i++) github.world.push(API, { runs: [] });
    await waitUntil(() => deliveries().length === before + count);
  };
  await push(5);
  const guids: unknown[] = [];
  let next: string | undefined = `${WEBHOOKS_PATH}/${webhook.id}/deliveries?per_page=2`;
  for (let pages = 0; next !== undefined; pages++) {
    assert(pages < 3);
    const { list, headers } = await github.request(next);
    guids.push(...list.map(({ guid }) => guid));
    if (pages === 0) await push(1);
    next = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1];
  }
  assertEquals(guids, deliveries().slice(1).map(({ guid }) => guid));
});

Deno.test("Webhooks are created, listed and removed through the API, and pinged", async () => {
  await using receiver = new WebhookReceiver();
  await using github = serveWithWebhooks();
  github.world.addRepository({ full_name: API });
  const config = { url: receiver.url, secret: SECRET, content_type: "json" };
  const created = await github.request(WEBHOOKS_PATH, post({ events: ["workflow_run"], config }));
  assertEquals(created.status, 201);
  assertObjectMatch(created.json, {
    active: true,
    events: ["workflow_run"],
    config: { url: receiver.url, content_type: "json", secret: "********" },
  });
  const [ping] = await receiver.waitForCount(1);
  assertEquals([ping?.name, ping?.isSigned], ["ping", true]);
  assertEquals(JSON.parse(ping?.body ?? "").hook_id, created.json.id);

  assertEquals((await github.request(WEBHOOKS_PATH, post({ config }))).status, 422);
  for (const wrong of [{}, { config: { url: "nowhere" } }, { config: { url: "ftp://x" } }]) {
    assertEquals((await github.request(WEBHOOKS_PATH, post(wrong))).status, 422);
  }
  assertEquals((await github.request(WEBHOOKS_PATH)).list.map(({ id }) => id), [created.json.id]);
  const one = `${WEBHOOKS_PATH}/${created.json.id}`;
  assertEquals((await github.request(one)).json.id, created.json.id);
  assertEquals((await github.request(one, { method: "DELETE" })).status, 204);
  assertEquals((await github.request(one)).status, 404);
  assertEquals((await github.request(WEBHOOKS_PATH)).list, []);
});

Deno.test("A webhook without a content type receives forms, as on GitHub", async () => {
  await using receiver = new WebhookReceiver();
  await using github = serveWithWebhooks();
  github.world.addRepository({ full_name: API });
  const config = { url: receiver.url, secret: SECRET };
  await github.request(WEBHOOKS_PATH, post({ config }));
  const [ping] = await receiver.waitForCount(1);
  assertEquals(ping?.headers.get("content-type"), "application/x-www-form-urlencoded");
  assertEquals([ping?.name, ping?.isSigned], ["ping", true]);
});

Deno.test("Webhooks are only visible with permission", async () => {
  await using github = serve({ app: { id: 5, installations: [9] } });
  github.world.addRepository({ full_name: API });
  const { simulator: { webhooks } } = github;
  const { id } = webhooks.add(API, { url: "http://127.0.0.1:9" });
  const status = async (authorization = `Bearer ${TOKEN}`) =>
    (await github.request(`${WEBHOOKS_PATH}/${id}/deliveries`, { headers: { authorization } }))
      .status;
  assertEquals([await status(), await status("none")], [200, 404]);
  webhooks.hide(API, 403);
  assertEquals(await status(), 403);
  webhooks.hide(API, 404);
  assertEquals(await status(), 404);
  webhooks.hide(API, undefined);
  assertEquals(await status(), 200);
  webhooks.addToApp({ url: "http://127.0.0.1:9" });
  assertEquals((await github.request("/app/hook/deliveries")).status, 401);
});
