import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { Redelivery } from "../../src/delivery/redelivery.ts";
import { GitHub } from "../../src/github/client.ts";
import type { Credential } from "../../src/github/credential.ts";
import { GitHubWebhookDeliveries } from "../../src/github/webhook_deliveries.ts";
import {
  AutoAdvanceClock,
  SECRET,
  serveWithWebhooks,
  waitUntil,
  WebhookReceiver,
} from "../simulator/webhooks/webhook_setup.ts";
import { TOKEN } from "../simulator/serve.ts";
import { neverAborted, rejectedGitHubError, withTimeout } from "./fake_server.ts";

const API = "octo-org/api";
const WEB = "octo-org/web";
const DAY_S = 24 * 60 * 60;
const THREE_DAYS_MS = 3 * DAY_S * 1_000;

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const app = {
  appId: "12",
  privateKey: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  installationId: 34,
};

/** A simulated GitHub with a failing receiver and two repositories, and a client. */
function setUp({ credential = { token: TOKEN }, publicUrl }: {
  readonly credential?: Credential;
  readonly publicUrl?: string;
} = {}) {
  const receiver = new WebhookReceiver();
  receiver.respond = respondDown;
  const github = serveWithWebhooks({
    // An App's JWT is signed with the real time; headers have whole seconds.
    clock: new AutoAdvanceClock(Math.floor(Date.now() / 1_000) * 1_000),
    app: {
      id: 12,
      publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      installations: [34],
    },
  });
  const { world, clock, simulator } = github;
  for (const full_name of [API, WEB]) world.addRepository({ full_name });
  const client = new GitHub({ credential, baseUrl: `${github.url}/api/v3`, version: "0", clock });
  const deliveries = new GitHubWebhookDeliveries({
    github: client,
    repositories: () => [API, WEB],
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  return {
    ...github,
    receiver,
    client,
    hooks: deliveries,
    redelivery: new Redelivery({ attempts: deliveries, clock }),
    /** The failed deliveries of the last three days by the simulated clock. */
    failed: () => withTimeout(deliveries.listFailed(clock.now() - THREE_DAYS_MS, neverAborted)),
    hook: (fullName = API, url = receiver.url) =>
      simulator.webhooks.add(fullName, { url, secret: SECRET }),
    /** Pushes, and waits for the deliveries of the webhook. */
    async push(count: number, { hook, to = API }: { hook: { id: number }; to?: string }) {
      const before = simulator.webhooks.deliveries(hook.id).length;
      for (let i = 0; i < count; i++) world.push(to, { runs: [] });
      await waitUntil(() => simulator.webhooks.deliveries(hook.id).length === before + count);
    },
    requestsTo: (path: RegExp) =>
      simulator.requests.entries.filter((entry) => path.test(entry.path)).map((
        { method, status },
      ) => `${method} ${status}`),
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

function respondDown(): Response {
  return new Response("down", { status: 503 });
}

function respondUp(): Response {
  return new Response("Accepted", { status: 202 });
}

Deno.test("Redelivery.run() repeats exactly the failed deliveries, with the same GUIDs", async () => {
  await using simulated = setUp();
  const { receiver, redelivery, clock } = simulated;
  const hook = simulated.hook();
  receiver.respond = respondUp;
  await simulated.push(2, { hook });
  const failures = [
    respondDown(),
    Response.redirect(receiver.url),
    new Response(null, { status: 404 }),
  ];
  receiver.respond = () => failures.shift() ?? respondUp();
  await simulated.push(4, { hook });
  const missed = receiver.received.slice(2, 5);

  assertEquals(await withTimeout(redelivery.run(neverAborted)), {
    found: 3,
    requested: 3,
    remaining: 0,
  });
  const again = (await receiver.waitForCount(9)).slice(6);
  assertEquals(again.map(({ guid }) => guid), missed.map(({ guid }) => guid));
  assertEquals(again.map(({ body }) => body), missed.map(({ body }) => body));
  assert(again.every(({ isSigned }) => isSigned));
  await waitUntil(() => simulated.simulator.webhooks.deliveries(hook.id).length === 9);

  clock.advance(600);
  assertEquals(await withTimeout(redelivery.run(neverAborted)), {
    found: 0,
    requested: 0,
    remaining: 0,
  });
  await simulated.push(1, { hook });
  assertEquals(receiver.received.length, 10);
});

Deno.test("Redelivery.run() repeats the latest attempt if it failed, too", async () => {
  await using simulated = setUp();
  const hook = simulated.hook();
  const { receiver, redelivery, clock, simulator } = simulated;
  await simulated.push(1, { hook });
  await withTimeout(redelivery.run(neverAborted));
  await waitUntil(() => simulator.webhooks.deliveries(hook.id).length === 2);
  clock.advance(600);
  const [failed] = await simulated.failed();
  assertEquals(failed?.id, String(simulator.webhooks.deliveries(hook.id)[0]?.id));
  assertEquals((await withTimeout(redelivery.run(neverAborted))).requested, 1);
  const guids = (await receiver.waitForCount(3)).map(({ guid }) => guid);
  assertEquals(new Set(guids).size, 1);
});

Deno.test("GitHubWebhookDeliveries.listFailed() reads all pages, and returns ids above the safe integers", async () => {
  await using simulated = setUp();
  const hook = simulated.hook();
  await simulated.push(230, { hook });
  const failed = await simulated.failed();
  const attempts = simulated.simulator.webhooks.deliveries(hook.id).toReversed();
  assertEquals(failed.map(({ id }) => id), attempts.map(({ id }) => String(id)));
  assert(failed.every(({ id }) => !Number.isSafeInteger(Number(id))));
  assertEquals(simulated.requestsTo(/deliveries/), ["GET 200", "GET 200", "GET 200"]);
  const { guid, at } = attempts[0] ?? {};
  assertEquals({ ...failed[0], id: "" }, {
    guid,
    id: "",
    event: "push",
    action: null,
    deliveredAt: at,
    succeeded: false,
    webhook: { repository: API, id: hook.id },
  });
});

Deno.test("GitHubWebhookDeliveries.listFailed() omits older deliveries, and requests no further page", async () => {
  await using simulated = setUp();
  const hook = simulated.hook();
  await simulated.push(210, { hook });
  simulated.clock.advance(3 * DAY_S);
  await simulated.push(2, { hook });
  assertEquals((await simulated.failed()).length, 212);
  simulated.clock.advance(1);
  simulated.simulator.requests.clear();
  assertEquals((await simulated.failed()).length, 2);
  assertEquals(simulated.requestsTo(/deliveries/).length, 1);
});

Deno.test("Redelivery.run() stops at the rate limit, and continues after its reset", async () => {
  await using simulated = setUp();
  const { receiver, redelivery, clock, simulator } = simulated;
  const hook = simulated.hook();
  await simulated.push(5, { hook });
  receiver.respond = respondUp;
  const reset = clock.now() / 1_000 + 60;
  // Two lists of webhooks, one of deliveries, and two of the five redeliveries.
  simulator.rateLimits.set(TOKEN, { remaining: 5, reset });
  const failure = { kind: "rate_limited", retryAt: reset * 1_000 } as const;
  assertEquals(await withTimeout(redelivery.run(neverAborted)), {
    found: 5,
    requested: 2,
    remaining: 3,
    failure,
  });
  assertEquals((await rejectedGitHubError(simulated.failed())).failure, failure);
  clock.advance(61);
  assertEquals(await withTimeout(redelivery.run(neverAborted)), {
    found: 3,
    requested: 3,
    remaining: 0,
  });
  const guids = (await receiver.waitForCount(10)).map(({ guid }) => guid);
  assertEquals(guids.slice(5), guids.slice(0, 5));
});

for (const status of [403, 404] as const) {
  Deno.test(`GitHubWebhookDeliveries.listFailed() skips a repository whose webhooks return ${status}`, async () => {
    await using simulated = setUp();
    const hook = simulated.hook(WEB);
    await simulated.push(1, { hook, to: WEB });
    simulated.simulator.webhooks.hide(API, status);
    assertEquals((await simulated.failed()).length, 1);
    assertEquals(simulated.hooks.skippedRepositories, [API]);
    simulated.simulator.webhooks.hide(API, undefined);
    await simulated.failed();
    assertEquals(simulated.hooks.skippedRepositories, []);
  });
}

Deno.test("GitHubWebhookDeliveries.listFailed() ignores webhooks with another path", async () => {
  await using simulated = setUp();
  const { receiver } = simulated;
  const origin = new URL(receiver.url).origin;
  const receivers = [receiver.url, `${origin}/below/api/webhooks/github`];
  const elsewhere = [`${origin}/api/v1/webhook/github/other`, `${origin}/`];
  const deliveries = [...receivers, ...elsewhere].map((url) => simulated.hook(API, url));
  const last = deliveries.at(-1);
  assert(last);
  await simulated.push(1, { hook: last });
  const ids = (await simulated.failed()).map(({ webhook }) => webhook?.id);
  // An event has the same GUID for all webhooks, and is requested once.
  assertEquals(ids.length, 1);
  assert(deliveries.slice(0, 2).some(({ id }) => id === ids[0]));
  for (const { id } of deliveries.slice(0, 2)) simulated.simulator.webhooks.remove(id);
  assertEquals(await simulated.failed(), []);
});

Deno.test("GitHubWebhookDeliveries.listFailed() checks only webhooks below PUBLIC_URL", async () => {
  await using simulated = setUp({ publicUrl: "https://runwire.example/" });
  const other = simulated.hook();
  await simulated.push(1, { hook: other });
  assertEquals(await simulated.failed(), []);
  simulated.hook(API, "https://runwire.example/api/webhooks/github");
  simulated.simulator.requests.clear();
  await simulated.failed();
  assertEquals(simulated.requestsTo(/deliveries/), ["GET 200"]);
});

Deno.test("Redelivery.run() works as an App, without the rate limit of the installation", async () => {
  await using simulated = setUp({ credential: app });
  const { receiver, redelivery, simulator, client } = simulated;
  const hook = simulator.webhooks.addToApp({ url: receiver.url, secret: SECRET });
  await simulated.push(2, { hook });
  await simulated.push(1, { hook, to: WEB });
  receiver.respond = respondUp;
  assertEquals(await withTimeout(redelivery.run(neverAborted)), {
    found: 3,
    requested: 3,
    remaining: 0,
  });
  const guids = (await receiver.waitForCount(6)).map(({ guid }) => guid);
  assertEquals(guids.slice(3), guids.slice(0, 3));
  assertEquals(client.rateLimit, undefined);
  assertEquals(simulated.requestsTo(/access_tokens/), []);
  assertEquals(simulated.requestsTo(/attempts/), ["POST 202", "POST 202", "POST 202"]);
});

Deno.test("GitHubWebhookDeliveries.listFailed() reads all pages of an App, and ignores another webhook", async () => {
  await using simulated = setUp({ credential: app });
  const { receiver, simulator } = simulated;
  const hook = simulator.webhooks.addToApp({ url: receiver.url });
  await simulated.push(120, { hook });
  assertEquals((await simulated.failed()).length, 120);
  const elsewhere = `${new URL(receiver.url).origin}/elsewhere`;
  const foreign = simulator.webhooks.addToApp({ url: elsewhere });
  await simulated.push(1, { hook: foreign });
  assertEquals(await simulated.failed(), []);
});
