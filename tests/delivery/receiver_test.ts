import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { type IncomingWebhook, Receiver } from "../../src/delivery/receiver.ts";
import { isSignatureValid } from "../../src/delivery/signature.ts";
import { StorageError } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { aDelivery, sign, WEBHOOK_SECRET } from "../fakes/fixtures/delivery.ts";
import { MemoryDeliveryStore } from "../fakes/stores/delivery_store.ts";

const PAYLOAD = '{"action":"completed","workflow_run":{"id":7}}';

/** A receiver that has a use for `workflow_run` alone; it applies at once those of which `read` gives the text. */
function setUp(
  secrets: readonly string[] = [WEBHOOK_SECRET],
  read: (payload: object) => string | undefined = () => undefined,
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
    toOrderingKey: ({ id, event }) => event === "workflow_run" ? `subject of ${id}` : undefined,
    parse: (_delivery, payload) => read(payload),
    onEvents: (events) => published.push(...events),
    onStored: () => storedCalls.push("stored"),
  });
  return { receiver, store, kept: storedCalls, told: published };
}

/** What GitHub posts, with a fitting signature unless `fields` hold another. */
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

Deno.test("isSigned() takes the example of GitHub's documentation", () => {
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const body = new TextEncoder().encode("Hello, World!");
  assert(isSignatureValid(body, { signature, secrets: ["It's a Secret to Everybody"] }));
  assert(!isSignatureValid(body, { signature, secrets: ["it's a Secret to Everybody"] }));
  assert(!isSignatureValid(body.slice(1), { signature, secrets: ["It's a Secret to Everybody"] }));
});

Deno.test("isSigned() verifies bytes that are no text", () => {
  const body = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x00, 0x7d]);
  assert(isSignatureValid(body, { signature: sign(body), secrets: [WEBHOOK_SECRET] }));
  const other = new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0xfe, 0x00, 0x7d]);
  assert(!isSignatureValid(other, { signature: sign(body), secrets: [WEBHOOK_SECRET] }));
});

Deno.test("isSigned() takes no signature that is missing, malformed, cut or longer", () => {
  const body = new TextEncoder().encode(PAYLOAD);
  const right = sign(PAYLOAD);
  const wrong = [
    null,
    "",
    "sha256=",
    right.slice(7),
    right.slice(0, -2),
    `${right}00`,
    ` ${right}`,
  ];
  const sha1 = right.replace("sha256", "sha1");
  for (const signature of [...wrong, sha1, right.replace(/.$/, "g"), `${right}, ${right}`]) {
    assert(!isSignatureValid(body, { signature, secrets: [WEBHOOK_SECRET] }), String(signature));
  }
});

Deno.test("Receiver.receive() keeps a delivery and tells of it", async () => {
  const { receiver: under, store, kept: storedCalls } = setUp();
  assertEquals(await under.receive(incomingWebhook()), { status: "accepted" });
  assertEquals([...store.entries.values()].map((entry) => entry.delivery), [{
    id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    event: "workflow_run",
    action: "completed",
    orderingKey: "subject of 72d3162e-cc78-11e3-81ab-4c9367dc0958",
    payload: PAYLOAD,
  }]);
  assertEquals(storedCalls, ["stored"]);
});

Deno.test("Receiver.receive() takes either secret while they are changed", async () => {
  const { receiver: under } = setUp(["new", "old"]);
  for (const [secret, status] of [["new", "accepted"], ["old", "accepted"], ["x", "rejected"]]) {
    const signature = sign(PAYLOAD, secret);
    assertEquals((await under.receive(incomingWebhook(PAYLOAD, { signature }))).status, status);
  }
});

Deno.test("Receiver.receive() lets nobody in by an empty secret", async () => {
  const { receiver: under } = setUp([WEBHOOK_SECRET, ""]);
  const signature = sign(PAYLOAD, "");
  assertEquals((await under.receive(incomingWebhook(PAYLOAD, { signature }))).status, "rejected");
  assert(!setUp([""]).receiver.isConfigured);
  assert(!setUp([]).receiver.isConfigured);
  assert(under.isConfigured);
});

const form = { contentType: "application/x-www-form-urlencoded" };

Deno.test("Receiver.receive() keeps the JSON of a form, as it came", async () => {
  const { receiver: under, store } = setUp();
  const payload = '{"action":"completed","title":"a+b & c=d \u00e9"}';
  const body = `other=1&${new URLSearchParams({ payload })}`;
  assertEquals(await under.receive(incomingWebhook(body, form)), { status: "accepted" });
  assertEquals([...store.entries.values()].map((entry) => entry.delivery.payload), [payload]);
});

/** What is wrong, with the code and a word of the detail that it is refused with. */
const REJECTED: readonly (readonly [string, IncomingWebhook, string, string])[] = [
  [
    "no id",
    incomingWebhook(PAYLOAD, { id: null }),
    "invalid_header",
    "X-GitHub-Delivery is missing",
  ],
  [
    "an odd id",
    incomingWebhook(PAYLOAD, { id: "a b" }),
    "invalid_header",
    "X-GitHub-Delivery is malformed",
  ],
  [
    "a long id",
    incomingWebhook(PAYLOAD, { id: "a".repeat(101) }),
    "invalid_header",
    "X-GitHub-Delivery",
  ],
  [
    "no event",
    incomingWebhook(PAYLOAD, { event: null }),
    "invalid_header",
    "X-GitHub-Event is missing",
  ],
  [
    "an odd event",
    incomingWebhook(PAYLOAD, { event: "a-b" }),
    "invalid_header",
    "X-GitHub-Event is malformed",
  ],
  [
    "no type",
    incomingWebhook(PAYLOAD, { contentType: null }),
    "unsupported_media_type",
    "Content-Type",
  ],
  [
    "another type",
    incomingWebhook("a", { contentType: "text/plain" }),
    "unsupported_media_type",
    "must be",
  ],
  ["no JSON", incomingWebhook("{'a':1}"), "invalid_body", "not a JSON object"],
  ["nothing", incomingWebhook(""), "invalid_body", "not a JSON object"],
  ["a list", incomingWebhook("[{}]"), "invalid_body", "not a JSON object"],
  ["null", incomingWebhook("null"), "invalid_body", "not a JSON object"],
  ["no UTF-8", incomingWebhook(new Uint8Array([0x7b, 0xff, 0x7d])), "invalid_body", "not UTF-8"],
  ["a form without payload", incomingWebhook("a=1", form), "invalid_body", "no field payload"],
  [
    "a form with other",
    incomingWebhook("payload=hunter2", form),
    "invalid_body",
    "not a JSON object",
  ],
];

for (const [what, post, code, words] of REJECTED) {
  Deno.test(`Receiver.receive() refuses ${what}, and says so`, async () => {
    const { receiver: under, store, kept: storedCalls } = setUp();
    const reception = await under.receive(post);
    assert(reception.status === "rejected");
    assertEquals(reception.code, code);
    assertStringIncludes(reception.detail, words);
    assert(!reception.detail.includes("hunter2"));
    assertEquals([store.entries.size, storedCalls.length], [0, 0]);
  });
}

Deno.test("Receiver.receive() looks at the signature first, and tells the unsigned nothing else", async () => {
  for (const [, post] of REJECTED) {
    const reception = await setUp().receiver.receive({ ...post, signature: "sha256=0" });
    assert(reception.status === "rejected" && reception.code === "invalid_signature");
  }
});

Deno.test("Receiver.receive() allows a charset beside the type", async () => {
  const { receiver: under } = setUp();
  const contentType = "Application/JSON; charset=utf-8";
  assertEquals((await under.receive(incomingWebhook(PAYLOAD, { contentType }))).status, "accepted");
});

Deno.test("Receiver.receive() keeps neither a ping nor an event without use", async () => {
  const { receiver: under, store, kept: storedCalls } = setUp();
  assertEquals(await under.receive(incomingWebhook(PAYLOAD, { event: "ping" })), {
    status: "pong",
  });
  assertEquals(await under.receive(incomingWebhook(PAYLOAD, { event: "star" })), {
    status: "ignored",
  });
  assertEquals([store.entries.size, storedCalls.length], [0, 0]);
});

Deno.test("Receiver.receive() takes a repeat of a waiting delivery, but keeps it once", async () => {
  const { receiver: under, store } = setUp();
  for (const _ of [1, 2, 3]) {
    assertEquals((await under.receive(incomingWebhook())).status, "accepted");
  }
  assertEquals(store.entries.size, 1);
});

Deno.test("Receiver.receive() answers done to a repeat of what was applied, and wakes nobody", async () => {
  const { receiver: under, store, kept: storedCalls } = setUp();
  await under.receive(incomingWebhook());
  for (const entry of store.entries.values()) entry.state = "done";
  assertEquals(await under.receive(incomingWebhook()), { status: "done" });
  assertEquals(storedCalls.length, 1);
});

Deno.test("Receiver.receive() lets a parked delivery wait again when it is repeated", async () => {
  const { receiver: under, store, kept: storedCalls } = setUp();
  await under.receive(incomingWebhook());
  for (const entry of store.entries.values()) entry.state = "parked";
  assertEquals(await under.receive(incomingWebhook()), { status: "accepted" });
  assertEquals(Object.values(store.states), ["waiting"]);
  assertEquals(storedCalls.length, 2);
});

Deno.test("Receiver.receive() accepts nothing that could not be kept", async () => {
  const { receiver: under, store, kept: storedCalls } = setUp();
  store.error = new StorageError("full", "No room");
  await assertRejects(() => under.receive(incomingWebhook()), StorageError, "No room");
  assertEquals(storedCalls, []);
});

Deno.test("Receiver.receive() keeps an action that is no plain word as none", async () => {
  for (const action of ["a\u0000b", "", 7, null, {}, "x".repeat(101)]) {
    const { receiver: under, store } = setUp();
    await under.receive(incomingWebhook(JSON.stringify({ action })));
    assertEquals([...store.entries.values()].map((entry) => entry.delivery.action), [null]);
  }
});

Deno.test("Receiver.receive() applies at once what it can read, and tells what has changed", async () => {
  const { receiver: under, store, kept: storedCalls, told: published } = setUp(
    [WEBHOOK_SECRET],
    JSON.stringify,
  );
  assertEquals(await under.receive(incomingWebhook()), { status: "accepted" });
  assertEquals([...store.entries.values()].map(({ state }) => state), ["done"]);
  assertEquals([published.map(({ at }) => at), storedCalls], [[PAYLOAD], []]);
  assertEquals(await under.receive(incomingWebhook()), { status: "done" });
  assertEquals([published.length, storedCalls], [1, []]);
});

Deno.test("Receiver.receive() leaves to the inbox what has to wait", async () => {
  const { receiver: under, store, kept: storedCalls, told: published } = setUp(
    [WEBHOOK_SECRET],
    JSON.stringify,
  );
  await store.store(aDelivery({ id: "earlier", orderingKey: "subject of later" }));
  assertEquals(await under.receive(incomingWebhook(PAYLOAD, { id: "later" })), {
    status: "accepted",
  });
  assertEquals(store.states, { earlier: "waiting", later: "waiting" });
  assertEquals([published, storedCalls], [[], ["stored"]]);
});
