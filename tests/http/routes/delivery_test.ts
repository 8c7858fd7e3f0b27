import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { Delivery } from "../../../src/delivery/delivery.ts";
import { StorageError } from "../../../src/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../../../src/http/routes/delivery.ts";
import { sign, WEBHOOK_SECRET, webhookHeaders } from "../../fakes/fixtures/delivery.ts";
import { RawRequest } from "../../fakes/clients/raw_request.ts";
import {
  WEBHOOK_PATH,
  WebhookServer,
  type WebhookServerSettings,
} from "../../fakes/apps/webhook_server.ts";
import { MemoryDeliveryStore } from "../../fakes/stores/delivery_store.ts";
import { CapturedLog } from "../../fakes/log.ts";
import { waitUntil } from "../../fakes/wait.ts";

const PAYLOAD = '{"action":"completed","workflow_run":{"id":7}}';

async function start(settings: WebhookServerSettings = {}) {
  const store = new MemoryDeliveryStore<never>(systemClock, () => []);
  return { store, server: await new WebhookServer(store, settings).start() };
}

for (const path of [WEBHOOK_PATH, "/api/webhooks/github"]) {
  Deno.test(`POST ${path} stores a signed delivery and answers 202`, async () => {
    const { store, server } = await start();
    await using _ = server;
    const { status, body } = await server.post(PAYLOAD, { id: "a", path });
    assertEquals([status, body], [202, { status: "accepted" }]);
    const expected: Delivery = {
      id: "a",
      event: "workflow_run",
      action: "completed",
      orderingKey: "run 7",
      payload: PAYLOAD,
    };
    assertEquals(store.entries.get("a")?.delivery, expected);
  });
}

Deno.test("A repeated delivery gets 202, and 200 once it is done", async () => {
  const { store, server } = await start();
  await using _ = server;
  for (const _ of [1, 2]) {
    assertEquals((await server.post(PAYLOAD, { id: "a" })).body, { status: "accepted" });
  }
  for (const entry of store.entries.values()) entry.state = "done";
  const { status, body } = await server.post(PAYLOAD, { id: "a" });
  assertEquals([status, body], [200, { status: "done" }]);
  assertEquals(store.entries.size, 1);
});

Deno.test("A ping gets 200, an unsupported event 202", async () => {
  const { store, server } = await start();
  await using _ = server;
  const ping = await server.post('{"zen":"Keep it logically awesome."}', { event: "ping" });
  assertEquals([ping.status, ping.body], [200, { status: "pong" }]);
  const star = await server.post('{"action":"created"}', { event: "star" });
  assertEquals([star.status, star.body], [202, { status: "ignored" }]);
  assertEquals(store.entries.size, 0);
});

Deno.test("A delivery signed with either of two secrets is accepted", async () => {
  const { server } = await start({ secrets: ["new", "old"] });
  await using _ = server;
  for (const [secret, expected] of [["new", 202], ["old", 202], [WEBHOOK_SECRET, 401]] as const) {
    const headers = { "X-Hub-Signature-256": sign(PAYLOAD, secret) };
    assertEquals((await server.post(PAYLOAD, { headers })).status, expected);
  }
});

Deno.test("Deliveries are rejected if no secret is configured", async () => {
  const { store, server } = await start({ secrets: [] });
  await using _ = server;
  const headers = { "X-Hub-Signature-256": sign(PAYLOAD, "") };
  const { status, body } = await server.post(PAYLOAD, { headers });
  assertEquals([status, body.code], [503, "webhook_secret_missing"]);
  assertEquals(store.entries.size, 0);
});

/** Invalid deliveries: name, payload, headers, and the expected status and code. */
const REJECTED: readonly (readonly [string, string, Record<string, string>, number, string])[] = [
  ["a wrong signature", PAYLOAD, { "X-Hub-Signature-256": sign("x") }, 401, "invalid_signature"],
  ["a short signature", PAYLOAD, { "X-Hub-Signature-256": "sha256=00" }, 401, "invalid_signature"],
  ["an empty id", PAYLOAD, { "X-GitHub-Delivery": "" }, 400, "invalid_header"],
  ["an invalid event", PAYLOAD, { "X-GitHub-Event": "No Event" }, 400, "invalid_header"],
  ["invalid JSON", "{", {}, 400, "invalid_body"],
  ["an empty body", "", {}, 400, "invalid_body"],
  ["another media type", PAYLOAD, { "Content-Type": "text/xml" }, 415, "unsupported_media_type"],
];

Deno.test("Invalid deliveries are rejected and not stored", async (t) => {
  const { store, server } = await start();
  await using _ = server;
  for (const [name, payload, headers, status, code] of REJECTED) {
    await t.step(name, async () => {
      const response = await server.post(payload, { headers });
      assertEquals([response.status, response.body.code], [status, code]);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      assertEquals(store.entries.size, 0);
    });
  }
});

Deno.test("A delivery without a signature gets 401", async () => {
  const { server } = await start();
  await using _ = server;
  const response = await fetch(`http://127.0.0.1:${server.port}${WEBHOOK_PATH}`, {
    method: "POST",
    body: PAYLOAD,
  });
  assertEquals([response.status, (await response.json()).code], [401, "invalid_signature"]);
});

Deno.test("The webhook endpoint accepts POST only", async () => {
  const { server } = await start();
  await using _ = server;
  const response = await fetch(`http://127.0.0.1:${server.port}${WEBHOOK_PATH}`);
  assertEquals([response.status, response.headers.get("allow")], [405, "POST"]);
  await response.body?.cancel();
});

Deno.test("Deliveries of 25 MiB and forms are accepted", async () => {
  const { store, server } = await start();
  await using _ = server;
  const largest = `{"text":"${"x".repeat(MAX_PAYLOAD_BYTES - 11)}"}`;
  assertEquals(largest.length, MAX_PAYLOAD_BYTES);
  assertEquals((await server.post(largest, { id: "a", event: "push" })).status, 202);
  const form = new URLSearchParams({ payload: PAYLOAD }).toString();
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  assertEquals((await server.post(form, { id: "b", headers })).status, 202);
  assertEquals(store.entries.get("a")?.delivery.payload.length, largest.length);
  assertEquals(store.entries.get("b")?.delivery.payload, PAYLOAD);
});

Deno.test("A Content-Length above the limit gets 413 before the body arrives", async () => {
  const { server } = await start();
  await using _ = server;
  using request = await RawRequest.post(server.port, WEBHOOK_PATH, {
    ...webhookHeaders(""),
    "Content-Length": String(MAX_PAYLOAD_BYTES + 1),
  });
  const { status, headers, body } = await request.readResponse();
  assertEquals(status, 413);
  assertMatch(headers.get("connection") ?? "", /^close/);
  assertMatch(body, /"code":"payload_too_large"/);
});

Deno.test("A chunked body gets 413 as soon as it exceeds the limit", async () => {
  const { store, server } = await start();
  await using _ = server;
  using request = await RawRequest.post(server.port, WEBHOOK_PATH, {
    ...webhookHeaders(""),
    "Transfer-Encoding": "chunked",
  });
  const megabyte = " ".repeat(1024 * 1024);
  for (let sent = 0; sent < 25; sent++) await request.send(`100000\r\n${megabyte}\r\n`);
  await waitUntil(
    () => server.deliveries.pendingBytes === MAX_PAYLOAD_BYTES,
    "the body to reach the limit",
  );
  await request.send("1\r\n \r\n");
  const { status, body } = await request.readResponse();
  assertEquals(status, 413);
  assertMatch(body, /"code":"payload_too_large"/);
  assertEquals([store.entries.size, server.deliveries.pendingBytes], [0, 0]);
});

/** A clock that only `advance` moves. */
function manualClock() {
  let time = 0;
  let tick = () => {};
  const clock: Clock = {
    ...systemClock,
    now: () => time,
    every(_ms, each) {
      tick = each;
      return () => {
        tick = () => {};
      };
    },
  };
  const advance = (ms: number) => {
    time += ms;
    tick();
  };
  return { clock, advance };
}

Deno.test("A stalled body gets 408 after 30 s", async () => {
  const { clock, advance } = manualClock();
  const { server } = await start({ clock });
  await using _ = server;
  using request = await RawRequest.post(server.port, WEBHOOK_PATH, {
    ...webhookHeaders(PAYLOAD),
    "Content-Length": String(PAYLOAD.length),
  });
  await request.send(PAYLOAD.slice(0, 10));
  await waitUntil(() => server.deliveries.pendingBytes === 10, "the first bytes to arrive");
  advance(29_999);
  await request.send(PAYLOAD.slice(10, 11));
  await waitUntil(() => server.deliveries.pendingBytes === 11, "another byte to arrive");
  advance(1);
  const { status, body } = await request.readResponse();
  assertEquals(status, 408);
  assertMatch(body, /"code":"request_timeout"/);
  assertEquals(server.deliveries.pendingBytes, 0);
});

Deno.test("The body of a sender that disconnects is released", async () => {
  await using log = await new CapturedLog().start();
  const { store, server } = await start();
  await using _ = server;
  {
    using request = await RawRequest.post(server.port, WEBHOOK_PATH, {
      ...webhookHeaders(PAYLOAD),
      "Content-Length": String(PAYLOAD.length),
    });
    await request.send(PAYLOAD.slice(0, 10));
    await waitUntil(() => server.deliveries.pendingBytes === 10, "the first bytes to arrive");
  }
  await waitUntil(() => server.deliveries.pendingBytes === 0, "the bytes to be released");
  assertEquals((await server.post(PAYLOAD, { id: "a" })).status, 202);
  assertEquals([...store.entries.keys()], ["a"]);
  const warnings = log.records.filter(({ level }) => level === "warning" || level === "error");
  assertEquals(warnings, []);
});

Deno.test("The bytes of all bodies in progress are limited", async () => {
  const { server } = await start({ maxPendingBytes: 1_000 });
  await using _ = server;
  using request = await RawRequest.post(server.port, WEBHOOK_PATH, {
    ...webhookHeaders(""),
    "Content-Length": "2000",
  });
  await request.send("x".repeat(990));
  await waitUntil(() => server.deliveries.pendingBytes === 990, "the first bytes to arrive");
  const { status, headers, body } = await server.post(PAYLOAD);
  assertEquals([status, body.code], [503, "overloaded"]);
  assertEquals(headers.get("retry-after"), "30");
  assertEquals(server.deliveries.pendingBytes, 990);
});

Deno.test("A delivery that could not be stored never gets 2xx", async () => {
  const { store, server } = await start();
  await using _ = server;
  store.error = new StorageError("unavailable", "The database does not answer");
  const unavailable = await server.post(PAYLOAD, { id: "a" });
  assertEquals([unavailable.status, unavailable.body.code], [503, "storage_unavailable"]);
  assertEquals(unavailable.headers.get("retry-after"), "30");
  store.error = new StorageError("full", "No space left on device");
  const full = await server.post(PAYLOAD, { id: "a" });
  assertEquals([full.status, full.body.code], [507, "storage_full"]);
  store.error = undefined;
  assertEquals((await server.post(PAYLOAD, { id: "a" })).status, 202);
});

Deno.test("An unexpected error gets 500, so that the delivery can be redelivered", async () => {
  const { store, server } = await start();
  await using _ = server;
  store.error = new TypeError("A bug");
  const { status, body } = await server.post(PAYLOAD);
  assertEquals([status, body.code], [500, "internal"]);
});

Deno.test("Neither bodies nor secrets appear in the log or in responses", async () => {
  await using log = await new CapturedLog().start();
  const { store, server } = await start();
  await using _ = server;
  const texts: string[] = [];
  for (const body of ['{"hunter2":', '["hunter2"]', '{"hunter2":1}']) {
    for (const headers of [{}, { "X-Hub-Signature-256": sign("hunter2") }]) {
      texts.push(JSON.stringify((await server.post(body, { headers })).body));
    }
  }
  store.error = new StorageError("full", "No space left on device");
  texts.push(JSON.stringify((await server.post('{"hunter2":1}')).body));
  assertEquals(texts.length, 7);
  const all = [...texts, JSON.stringify(log.records)].join("\n");
  assert(!/hunter2|correct horse/.test(all), all);
});
