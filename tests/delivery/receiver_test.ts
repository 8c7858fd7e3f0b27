import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { type IncomingWebhook, Receiver, type RejectionCode } from "../../src/delivery/receiver.ts";
import { StorageError } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { aDelivery, sign, WEBHOOK_SECRET } from "../fakes/fixtures/delivery.ts";
import { MemoryDeliveryStore } from "../fakes/stores/delivery_store.ts";

const PAYLOAD = '{"action":"completed","workflow_run":{"id":7}}';

/** A receiver that supports only `workflow_run`, and immediately applies payloads for which `parse` returns changes. */
function setUp(
  secrets: readonly string[] = [WEBHOOK_SECRET],
  parse: (payload: object) => string | undefined = () => undefined,
) {
  const published: StoredEvent[] = [];
  const store = new MemoryDeliveryStore<string>(systemClock, (at) => [{
    seq: 1,
    at,
    type: "status",
    repository: null,
    data: { state: "polling", waiting_until: null },
  }]);
  const storedCalls: string[] = [];
  const receiver = new Receiver({
    secrets,
    store,
    toOrderingKey: ({ id, event }) => event === "workflow_run" ? `key of ${id}` : undefined,
    parse: (_delivery, payload) => parse(payload),
    onEvents: (events) => published.push(...events),
    onStored: () => storedCalls.push("stored"),
  });
  return { receiver, store, storedCalls, published };
}

/** A webhook with a valid signature, unless `fields` overrides it. */
function incomingWebhook(
  body: string | Uint8Array<ArrayBuffer> = PAYLOAD,
  fields: Partial<IncomingWebhook> = {},
): IncomingWebhook {
  return {
    signature: sign(body),
    id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    event: "workflow_run",
    contentType: "application/json",
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
    ...fields,
  };
}

Deno.test("Receiver.receive() stores a delivery and calls onStored", async () => {
  const { receiver, store, storedCalls } = setUp();
  assertEquals(await receiver.receive(incomingWebhook()), { status: "accepted" });
  assertEquals([...store.entries.values()].map((entry) => entry.delivery), [{
    id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    event: "workflow_run",
    action: "completed",
    orderingKey: "key of 72d3162e-cc78-11e3-81ab-4c9367dc0958",
    payload: PAYLOAD,
  }]);
  assertEquals(storedCalls, ["stored"]);
});

Deno.test("Receiver.receive() accepts both secrets during rotation", async () => {
  const { receiver } = setUp(["new", "old"]);
  for (const [secret, status] of [["new", "accepted"], ["old", "accepted"], ["x", "rejected"]]) {
    const signature = sign(PAYLOAD, secret);
    assertEquals((await receiver.receive(incomingWebhook(PAYLOAD, { signature }))).status, status);
  }
});

Deno.test("Receiver.receive() ignores an empty secret", async () => {
  const { receiver } = setUp([WEBHOOK_SECRET, ""]);
  const signature = sign(PAYLOAD, "");
  assertEquals(
    (await receiver.receive(incomingWebhook(PAYLOAD, { signature }))).status,
    "rejected",
  );
  assert(!setUp([""]).receiver.isConfigured);
  assert(!setUp([]).receiver.isConfigured);
  assert(receiver.isConfigured);
});

const form = { contentType: "application/x-www-form-urlencoded" };

Deno.test("Receiver.receive() stores the JSON of a form unchanged", async () => {
  const { receiver, store } = setUp();
  const payload = '{"action":"completed","title":"a+b & c=d \u00e9"}';
  const body = `other=1&${new URLSearchParams({ payload })}`;
  assertEquals(await receiver.receive(incomingWebhook(body, form)), { status: "accepted" });
  assertEquals([...store.entries.values()].map((entry) => entry.delivery.payload), [payload]);
});

const OBJECT_EXPECTED = "Invalid payload: expected a JSON object";
const MEDIA_TYPES = "expected application/json or application/x-www-form-urlencoded";

/** Name, webhook, and the code and detail of the rejection. */
const REJECTED: readonly (readonly [string, IncomingWebhook, RejectionCode, string])[] = [
  [
    "a missing id",
    incomingWebhook(PAYLOAD, { id: null }),
    "invalid_header",
    "Missing X-GitHub-Delivery: expected a GUID",
  ],
  [
    "an invalid id",
    incomingWebhook(PAYLOAD, { id: "a b" }),
    "invalid_header",
    "Invalid X-GitHub-Delivery: expected a GUID",
  ],
  [
    "a long id",
    incomingWebhook(PAYLOAD, { id: "a".repeat(101) }),
    "invalid_header",
    "Invalid X-GitHub-Delivery: expected a GUID",
  ],
  [
    "a missing event",
    incomingWebhook(PAYLOAD, { event: null }),
    "invalid_header",
    "Missing X-GitHub-Event: expected an event name",
  ],
  [
    "an invalid event",
    incomingWebhook(PAYLOAD, { event: "a-b" }),
    "invalid_header",
    "Invalid X-GitHub-Event: expected an event name",
  ],
  [
    "a missing content type",
    incomingWebhook(PAYLOAD, { contentType: null }),
    "unsupported_media_type",
    `Missing Content-Type: ${MEDIA_TYPES}`,
  ],
  [
    "another content type",
    incomingWebhook("a", { contentType: "text/plain" }),
    "unsupported_media_type",
    `Invalid Content-Type: ${MEDIA_TYPES}`,
  ],
  ["invalid JSON", incomingWebhook("{'a':1}"), "invalid_body", OBJECT_EXPECTED],
  ["an empty body", incomingWebhook(""), "invalid_body", OBJECT_EXPECTED],
  ["an array", incomingWebhook("[{}]"), "invalid_body", OBJECT_EXPECTED],
  ["null", incomingWebhook("null"), "invalid_body", OBJECT_EXPECTED],
  [
    "invalid UTF-8",
    incomingWebhook(new Uint8Array([0x7b, 0xff, 0x7d])),
    "invalid_body",
    "Invalid body: expected UTF-8",
  ],
  [
    "a form without payload",
    incomingWebhook("a=1", form),
    "invalid_body",
    "Missing payload: expected a form field with JSON",
  ],
  [
    "a form with invalid JSON",
    incomingWebhook("payload=hunter2", form),
    "invalid_body",
    OBJECT_EXPECTED,
  ],
];

for (const [name, webhook, code, detail] of REJECTED) {
  Deno.test(`Receiver.receive() rejects ${name}`, async () => {
    const { receiver, store, storedCalls } = setUp();
    assertEquals(await receiver.receive(webhook), { status: "rejected", code, detail });
    assertEquals([store.entries.size, storedCalls.length], [0, 0]);
  });
}

Deno.test("Receiver.receive() checks the signature first, and reveals nothing else without it", async () => {
  for (const [, webhook] of REJECTED) {
    assertEquals(await setUp().receiver.receive({ ...webhook, signature: "sha256=0" }), {
      status: "rejected",
      code: "invalid_signature",
      detail:
        "Invalid X-Hub-Signature-256: expected the signature of the body with the webhook secret",
    });
  }
});

Deno.test("Receiver.receive() allows a charset in the content type", async () => {
  const { receiver } = setUp();
  const contentType = "Application/JSON; charset=utf-8";
  assertEquals(
    (await receiver.receive(incomingWebhook(PAYLOAD, { contentType }))).status,
    "accepted",
  );
});

Deno.test("Receiver.receive() stores neither a ping nor an unsupported event", async () => {
  const { receiver, store, storedCalls } = setUp();
  assertEquals(await receiver.receive(incomingWebhook(PAYLOAD, { event: "ping" })), {
    status: "pong",
  });
  assertEquals(await receiver.receive(incomingWebhook(PAYLOAD, { event: "star" })), {
    status: "ignored",
  });
  assertEquals([store.entries.size, storedCalls.length], [0, 0]);
});

Deno.test("Receiver.receive() accepts a duplicate of a waiting delivery and stores it once", async () => {
  const { receiver, store } = setUp();
  for (const _ of [1, 2, 3]) {
    assertEquals((await receiver.receive(incomingWebhook())).status, "accepted");
  }
  assertEquals(store.entries.size, 1);
});

Deno.test("Receiver.receive() answers done to a duplicate of an applied delivery", async () => {
  const { receiver, store, storedCalls } = setUp();
  await receiver.receive(incomingWebhook());
  for (const entry of store.entries.values()) entry.state = "done";
  assertEquals(await receiver.receive(incomingWebhook()), { status: "done" });
  assertEquals(storedCalls.length, 1);
});

Deno.test("Receiver.receive() reopens a parked delivery that is redelivered", async () => {
  const { receiver, store, storedCalls } = setUp();
  await receiver.receive(incomingWebhook());
  for (const entry of store.entries.values()) entry.state = "parked";
  assertEquals(await receiver.receive(incomingWebhook()), { status: "accepted" });
  assertEquals(Object.values(store.states), ["waiting"]);
  assertEquals(storedCalls.length, 2);
});

Deno.test("Receiver.receive() throws if the delivery cannot be stored", async () => {
  const { receiver, store, storedCalls } = setUp();
  store.error = new StorageError("full", "No room");
  await assertRejects(() => receiver.receive(incomingWebhook()), StorageError, "No room");
  assertEquals(storedCalls, []);
});

Deno.test("Receiver.receive() stores an invalid action as null", async () => {
  for (const action of ["a\u0000b", "", 7, null, {}, "x".repeat(101)]) {
    const { receiver, store } = setUp();
    await receiver.receive(incomingWebhook(JSON.stringify({ action })));
    assertEquals([...store.entries.values()].map((entry) => entry.delivery.action), [null]);
  }
});

Deno.test("Receiver.receive() applies a valid payload immediately and publishes its events", async () => {
  const { receiver, store, storedCalls, published } = setUp(
    [WEBHOOK_SECRET],
    JSON.stringify,
  );
  assertEquals(await receiver.receive(incomingWebhook()), { status: "accepted" });
  assertEquals([...store.entries.values()].map(({ state }) => state), ["done"]);
  assertEquals([published.map(({ at }) => at), storedCalls], [[PAYLOAD], []]);
  assertEquals(await receiver.receive(incomingWebhook()), { status: "done" });
  assertEquals([published.length, storedCalls], [1, []]);
});

Deno.test("Receiver.receive() leaves a delivery that must wait to the inbox", async () => {
  const { receiver, store, storedCalls, published } = setUp(
    [WEBHOOK_SECRET],
    JSON.stringify,
  );
  await store.store(aDelivery({ id: "earlier", orderingKey: "key of later" }));
  assertEquals(await receiver.receive(incomingWebhook(PAYLOAD, { id: "later" })), {
    status: "accepted",
  });
  assertEquals(store.states, { earlier: "waiting", later: "waiting" });
  assertEquals([published, storedCalls], [[], ["stored"]]);
});
