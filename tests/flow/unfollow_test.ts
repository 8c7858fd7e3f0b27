import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { SqlFollowStore } from "../../src/sql/follow_store.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { APP_WEBHOOK_SECRET, AppWithWebhooks } from "../fakes/apps/app_with_webhooks.ts";
import { waitUntil } from "../fakes/wait.ts";

const A = "octo/a";

/** The program with one followed repository and a run of it. */
async function startFollowing(): Promise<{ readonly test: AppWithWebhooks; readonly id: number }> {
  const test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: A });
  test.world.addRun(A, { status: "completed", conclusion: "success" });
  assertEquals((await test.follow(A)).status, 201);
  return { test, id };
}

Deno.test("DELETE /repositories/{id} removes the webhook and keeps the history", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  const { status, json } = await test.request("DELETE", `/repositories/${id}`);
  assertEquals([status, json], [200, { id, runs_purged: 0, webhook_error: null }]);
  assertEquals(test.simulator.webhooks.list(A), []);
  const unfollowed = (await test.request("GET", `/repositories/${id}`)).json;
  assertEquals([unfollowed.followed, unfollowed.webhook, unfollowed.polled_at], [
    false,
    null,
    null,
  ]);
  assertEquals((await test.request("GET", "/runs")).json.total_count, 1);
  const again = await test.request("DELETE", `/repositories/${id}`);
  assertEquals([again.status, again.json.code], [404, "not_found"]);
  assertEquals((await test.request("DELETE", "/repositories/1")).status, 404);
  assertEquals((await test.follow(A)).json.webhook.state, "active");
});

Deno.test("DELETE /repositories/{id}?purge=true deletes its runs, also if it is no longer followed", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  await test.request("DELETE", `/repositories/${id}`);
  const { status, json } = await test.request("DELETE", `/repositories/${id}?purge=true`);
  assertEquals([status, json.runs_purged], [200, 1]);
  assertEquals((await test.request("GET", "/runs")).json.total_count, 0);
  assertEquals((await test.request("GET", "/workflows")).json.total_count, 0);
  const unknown = await test.request("DELETE", "/repositories/1?purge=true");
  assertEquals(unknown.status, 404);
  const wrong = await test.request("DELETE", `/repositories/${id}?purge=yes`);
  assertEquals([wrong.status, wrong.json.code], [400, "invalid_parameter"]);
});

Deno.test("DELETE /repositories/{id} does not remove another webhook", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: A });
  test.simulator.webhooks.add(A, { url: "https://other.example/", secret: APP_WEBHOOK_SECRET });
  await test.follow(A);
  await test.request("DELETE", `/repositories/${id}`);
  assertEquals(test.simulator.webhooks.list(A).map(({ url }) => url), ["https://other.example/"]);
});

Deno.test("DELETE /repositories/{id} reports a webhook it could not remove, and removes it after the next start", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  test.simulator.faults.add({ kind: "status", status: 503 }, { path: /hooks\// });
  const { status, json } = await test.request("DELETE", `/repositories/${id}`);
  assertEquals(status, 200);
  assertMatch(json.webhook_error, /^Removed later: GitHub answered/);
  assertEquals((await test.request("GET", `/repositories/${id}`)).json.followed, false);
  assertEquals(test.simulator.webhooks.list(A).length, 1);
  await test.stopApp();
  await test.start();
  await waitUntil(() => test.simulator.webhooks.list(A).length === 0, "the webhook is removed");
});

Deno.test("DELETE /repositories/{id} reports a webhook to be removed manually", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  test.simulator.webhooks.hide(A, 403);
  const { json } = await test.request("DELETE", `/repositories/${id}`);
  assertMatch(json.webhook_error, /^Remove it manually: /);
});

for (const state of ["was created", "is still to be created"]) {
  Deno.test(`A webhook that ${state} is adopted after a crash before its id was stored`, async () => {
    await using test = new AppWithWebhooks();
    const repository = test.world.addRepository({ full_name: A });
    const { id } = repository;
    {
      await using database = await openDatabase(test.databaseUrl, { clock: systemClock });
      await migrate(database);
      const stored = { id, fullName: A, pushedAt: repository.pushed_at };
      await new SqlFollowStore(database, systemClock).follow(stored, []);
    }
    if (state === "was created") {
      test.simulator.webhooks.add(A, { url: test.webhookUrl, secret: APP_WEBHOOK_SECRET });
    }
    await test.start();
    await test.waitForRepository(id, ({ webhook }) => webhook.state === "active");
    const hooks = test.simulator.webhooks.list(A);
    assertEquals(hooks.map(({ url }) => url), [test.webhookUrl]);
    const { json } = await test.request("GET", `/repositories/${id}`);
    assertEquals(json.webhook, { state: "active", id: hooks[0]?.id });
  });
}

Deno.test("A webhook that could not be created is created after the next start", async () => {
  await using test = await new AppWithWebhooks().start();
  const { id } = test.world.addRepository({ full_name: A });
  test.simulator.faults.add({ kind: "status", status: 500 }, { path: /hooks/ });
  const { status, json } = await test.follow(A);
  assertEquals([status, json.webhook.state], [201, "none"]);
  assertMatch(json.webhook.reason, /^Created later: /);
  await test.stopApp();
  await test.start();
  await test.waitForRepository(id, ({ webhook }) => webhook.state === "active");
});

Deno.test("A followed repository stays followed under a new name, and reports its removal", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  test.startDeliveries();
  test.world.renameRepository(A, "octo/renamed");
  await test.waitForRepository(id, ({ full_name }) => full_name === "octo/renamed");
  const renamed = (await test.request("GET", `/repositories/${id}`)).json;
  assertEquals([renamed.followed, renamed.webhook.state], [true, "active"]);
  const { json } = await test.request("GET", "/runs?repository=octo/renamed");
  assertEquals(json.total_count, 1);
  test.world.changeRepository("octo/renamed", { private: true });
  await test.waitForRepository(id, (repository) => repository.private === true);
  test.world.removeRepository("octo/renamed");
  await test.waitForRepository(id, ({ followed }) => followed === false);
  const removed = (await test.request("GET", `/repositories/${id}`)).json;
  assertEquals(removed.error, "Deleted on GitHub, or no longer accessible to the App");
  assertEquals(removed.webhook, null);
});

Deno.test("Another origin can neither follow nor unfollow", async () => {
  const { test, id } = await startFollowing();
  await using _stopped = test;
  const headers = { origin: "https://evil.example", "content-type": "application/json" };
  const body = JSON.stringify({ full_name: A });
  for (
    const [path, init] of [
      ["/repositories", { method: "POST", headers, body }],
      [`/repositories/${id}`, { method: "DELETE", headers }],
    ] as const
  ) {
    const response = await fetch(test.url + path, init);
    assertEquals([response.status, (await response.json()).code], [403, "origin_not_allowed"]);
  }
  const form = await fetch(`${test.url}/repositories`, { method: "POST", body });
  assertEquals([form.status, (await form.json()).code], [415, "unsupported_media_type"]);
});
