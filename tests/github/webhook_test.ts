import { assert, assertEquals, assertMatch } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { GitHub } from "../../src/github/client.ts";
import type { Credential } from "../../src/github/credential.ts";
import { GitHubWebhooks } from "../../src/github/webhook.ts";
import { FakeClock } from "../simulator/fake_clock.ts";
import { serve, TOKEN } from "../simulator/serve.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";

const API = "octo-org/api";
const WEBHOOK_URL = "https://runwire.example/below/api/v1/webhook/github";
const SECRET = "It's a Secret to Everybody";
const HOUR_MS = 60 * 60_000;

function setUp(
  { credential = { token: TOKEN }, publicUrl = "https://runwire.example/below/", secret = SECRET }:
    {
      readonly credential?: Credential;
      readonly publicUrl?: string | undefined;
      readonly secret?: string | undefined;
    } = {},
) {
  const github = serve({ clock: new FakeClock() });
  github.world.addRepository({ full_name: API });
  const client = new GitHub({ credential, baseUrl: github.url, version: "0", clock: github.clock });
  const webhooks = new GitHubWebhooks({ github: client, publicUrl, secret });
  return {
    ...github,
    webhooks,
    ensure: (since = github.clock.now()) => webhooks.ensure(API, { since, signal: neverAborted }),
    listWebhooks: () => github.simulator.webhooks.list(API),
  };
}

Deno.test("GitHubWebhooks.ensure() creates one webhook with the secret", async () => {
  await using test = setUp();
  const state = await test.ensure();
  const [webhook, ...rest] = test.listWebhooks();
  assertEquals(rest, []);
  assert(webhook);
  const { url, secret, events, content_type, active } = webhook;
  assertEquals({ url, secret, content_type, active }, {
    url: WEBHOOK_URL,
    secret: SECRET,
    content_type: "json",
    active: true,
  });
  assertEquals(events, [
    "workflow_run",
    "workflow_job",
    "issues",
    "repository",
    "member",
    "team_add",
  ]);
  assertEquals(state, { state: "active", id: webhook.id });
  // As if the process had stopped before it stored the id.
  assertEquals(await test.ensure(), state);
  assertEquals(test.listWebhooks().length, 1);
});

Deno.test("GitHubWebhooks.ensure() leaves an existing webhook, and reports it", async () => {
  await using test = setUp();
  test.simulator.webhooks.add(API, { url: WEBHOOK_URL, secret: SECRET });
  const state = await test.ensure(test.clock.now() + HOUR_MS);
  assert(state.state === "none");
  assertMatch(state.reason, /already exists/);
  assertEquals(test.listWebhooks().length, 1);
});

for (const status of [403, 404] as const) {
  Deno.test(`GitHubWebhooks.ensure() reports a missing permission on ${status}`, async () => {
    await using test = setUp();
    test.simulator.webhooks.hide(API, status);
    const state = await test.ensure();
    assert(state.state === "none");
    assertMatch(state.reason, new RegExp(`may not manage webhooks: .* with ${status}`));
    assert(!state.reason.includes(SECRET) && !state.reason.includes(TOKEN));
  });
}

Deno.test("GitHubWebhooks.ensure() names missing settings, and sends no request", async () => {
  for (const missing of [{ publicUrl: undefined }, { secret: undefined }]) {
    await using github = serve();
    const client = new GitHub({
      credential: { token: TOKEN },
      baseUrl: github.url,
      version: "0",
      clock: github.clock,
    });
    const options = { publicUrl: "https://runwire.example", secret: SECRET, ...missing };
    const webhooks = new GitHubWebhooks({ github: client, ...options });
    const state = await webhooks.ensure(API, { since: 0, signal: neverAborted });
    assert(state.state === "none");
    assertMatch(state.reason, /PUBLIC_URL and GITHUB_WEBHOOK_SECRET/);
    assertEquals(github.simulator.requests.counts.requests, 0);
  }
});

Deno.test("GitHubWebhooks.ensure() relies on the webhook of the App", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await using test = setUp({
    credential: {
      appId: "12",
      privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      installationId: 34,
    },
  });
  assertEquals(await test.ensure(), {
    state: "none",
    reason: "Covered by the webhook of the GitHub App",
  });
  assertEquals(test.simulator.requests.counts.requests, 0);
});

Deno.test("GitHubWebhooks.ensure() reports GitHub's message for a rejected webhook", async () => {
  await using server = new FakeServer((request) =>
    request.method === "GET"
      ? Response.json([])
      : Response.json({ message: "url is not supported: localhost" }, { status: 422 })
  );
  const publicUrl = "http://localhost:8080";
  const webhooks = new GitHubWebhooks({ github: server.github(), publicUrl, secret: SECRET });
  const state = await webhooks.ensure(API, { since: 0, signal: neverAborted });
  assert(state.state === "none");
  assertMatch(state.reason, /^GitHub rejected the webhook: .*url is not supported/);
});

Deno.test("GitHubWebhooks.ensure() throws at a rate limit and during an outage", async () => {
  await using test = setUp();
  test.simulator.faults.add({ kind: "status", status: 502 });
  assertEquals((await rejectedGitHubError(test.ensure())).failure, { kind: "unavailable" });
  test.simulator.rateLimits.set(TOKEN, { remaining: 0, reset: test.clock.now() / 1_000 + 60 });
  assertEquals((await rejectedGitHubError(test.ensure())).failure.kind, "rate_limited");
  assertEquals(test.listWebhooks(), []);
});

Deno.test("GitHubWebhooks.remove() removes a webhook, and accepts a missing one", async () => {
  await using test = setUp();
  const state = await test.ensure();
  assert(state.state === "active");
  await test.webhooks.remove(API, state.id, neverAborted);
  assertEquals(test.listWebhooks(), []);
  await test.webhooks.remove(API, state.id, neverAborted);
});

Deno.test("GitHubWebhooks.remove() throws without permission", async () => {
  await using test = setUp();
  const state = await test.ensure();
  assert(state.state === "active");
  test.simulator.webhooks.hide(API, 403);
  const error = await rejectedGitHubError(test.webhooks.remove(API, state.id, neverAborted));
  assertEquals(error.failure, { kind: "not_accessible", status: 403 });
  assertEquals(test.listWebhooks().length, 1);
});
