import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Principal } from "../../../src/account/principal.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { StorageError } from "../../../src/errors.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { readTitle, type ServerSettings, ServerUnderTest } from "../../fakes/apps/server.ts";
import { subscribe } from "../../fakes/apps/stream_clients.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../../fakes/stores/authenticator.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { joinMessages, messageFrame, nextContent, nextError } from "../../fakes/stores/messages.ts";

const WRITER = { permissions: new Set(["read", "write"] as const) };
const NOT_JSON = "Invalid frame: expected a text frame with a JSON object with content, user_id";
const RATE_LIMITED = "Too many messages: the limit is 10 per second, with bursts of up to 20";

/** A server with one principal, whose ticket is `t`. */
async function startWith(principal: Principal, settings: ServerSettings = {}) {
  const authenticator = new FakeAuthenticator({ isOpen: true });
  authenticator.principals.set("t", principal);
  return {
    authenticator,
    server: await new ServerUnderTest({ authenticator, ...settings }).start(),
  };
}

/** Advances by a second with each reading, so that no client reaches its rate limit. */
function fastForwardClock(): Clock {
  let offset = 0;
  return { ...systemClock, now: () => Date.now() + (offset += 1_000) };
}

Deno.test("WebSocketServer sends a message to every client, including its sender", async () => {
  await using server = await new ServerUnderTest().start();
  await using ada = await joinMessages(server);
  await using bob = await joinMessages(server, "view=full");
  await using messagesOnly = await joinMessages(server, "topics=messages");
  ada.socket.send(messageFrame("Hello, Ω 😀\n", "ada"));
  const frame = await ada.next();
  assertEquals(Object.keys(JSON.parse(frame)), ["id", "content", "user_id", "created_at"]);
  const { id, created_at, ...rest } = JSON.parse(frame);
  assertEquals(rest, { content: "Hello, Ω 😀\n", user_id: "ada" });
  assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assertMatch(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals([await bob.next(), await messagesOnly.next()], [frame, frame]);
  const [event] = await server.eventLog.readAfter(0, 10);
  assertEquals(event?.data, JSON.parse(frame));
});

Deno.test("WebSocketServer accepts fields in any order and white space", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  client.socket.send(' {"user_id" : "ada",\n"content":"\\u00e9" }\n');
  assertEquals(await nextContent(client), "é");
});

Deno.test("WebSocketServer sends snapshots and messages on one socket, according to topics", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using both = await joinMessages(server);
  await using messages = await joinMessages(server, "topics=messages");
  await using runs = await subscribe(server, "topics=runs");
  await waitUntil(() => server.activeClients.size === 2, "only two clients need snapshots");
  // A client can send messages without receiving them.
  runs.socket.send(messageFrame("one"));
  assertEquals(await nextContent(messages), "one");
  server.publishRun("next");
  assertEquals([readTitle(await runs.next()), readTitle(await runs.next())], ["now", "next"]);
  assertEquals(readTitle(await both.next()), "now");
  assertEquals(await nextContent(both), "one");
  assertEquals(readTitle(await both.next()), "next");
  assertEquals(messages.frames.length, 1);
});

for (
  const query of ["topics=events", "topics=messages,events", "topics=messages,events&batch=true"]
) {
  Deno.test(`WebSocketServer sends a message once, as an event, with ${query}`, async () => {
    await using server = await new ServerUnderTest().start();
    await using client = await subscribe(server, query);
    await using other = await joinMessages(server, "topics=messages");
    for (const content of ["one", "two"]) client.socket.send(messageFrame(content));
    const data = [JSON.parse(await other.next()), JSON.parse(await other.next())];
    const received: { seq: number; type: string; data: unknown }[] = [];
    while (received.length < 2) received.push(...[JSON.parse(await client.next())].flat());
    assertEquals(received.map(({ seq, type, data }) => ({ seq, type, data })), [
      { seq: 1, type: "message", data: data[0] },
      { seq: 2, type: "message", data: data[1] },
    ]);
    assertEquals(server.fanout.size, 1);
  });
}

Deno.test("WebSocketServer sends messages to viewers and rejects messages from viewers", async () => {
  const { server } = await startWith(sessionPrincipal());
  await using _ = server;
  await using viewer = await joinMessages(server, "ticket=t");
  await using other = await joinMessages(server);
  viewer.socket.send(messageFrame("forbidden"));
  assertEquals(await nextError(viewer), {
    code: "forbidden",
    message: 'Permission "write" is required to post messages',
  });
  other.socket.send(messageFrame("allowed"));
  assertEquals([await nextContent(other), await nextContent(viewer)], ["allowed", "allowed"]);
  assertEquals(server.messages.stored.length, 1);
});

for (
  const [kind, principal, authors] of [
    ["session", sessionPrincipal(WRITER), ["octocat", "octocat"]],
    ["message", keyPrincipal(WRITER), ["mallory", undefined]],
  ] as const
) {
  Deno.test(`WebSocketServer takes the author from the ${kind} of a ${principal.kind}`, async () => {
    const { server } = await startWith(principal);
    await using _ = server;
    await using client = await joinMessages(server, "ticket=t");
    client.socket.send(messageFrame("from mallory", "mallory"));
    client.socket.send('{"content":"without an author"}');
    const frames = [JSON.parse(await client.next()), JSON.parse(await client.next())];
    assertEquals(new Set(frames.map(({ user_id }) => user_id)), new Set(authors));
  });
}

Deno.test("WebSocketServer rejects messages after the sender has lost the permission", async () => {
  const { server, authenticator } = await startWith(sessionPrincipal(WRITER), {
    sessionCheckMs: 20,
  });
  await using _ = server;
  await using client = await joinMessages(server, "ticket=t");
  client.socket.send(messageFrame("one"));
  assertEquals(await nextContent(client), "one");
  let checks = 0;
  authenticator.reauthenticate = () => {
    checks++;
    return Promise.resolve(sessionPrincipal());
  };
  await waitUntil(() => checks > 1, "the session was checked");
  client.socket.send(messageFrame("two"));
  assertEquals((await nextError(client)).code, "forbidden");
});

Deno.test("WebSocketServer sends the error of an invalid frame only to its sender", async () => {
  await using server = await new ServerUnderTest({ clock: fastForwardClock() }).start();
  await using client = await joinMessages(server);
  await using other = await joinMessages(server);
  const invalid: readonly (readonly [string | Uint8Array<ArrayBuffer>, string])[] = [
    ["", NOT_JSON],
    ["{", NOT_JSON],
    ["\u0000", NOT_JSON],
    ["null", NOT_JSON],
    ["[]", NOT_JSON],
    ['"hello"', NOT_JSON],
    ["[".repeat(60_000), NOT_JSON],
    [new TextEncoder().encode(messageFrame("bytes")), NOT_JSON],
    [
      "{}",
      "Missing content: expected 1 to 4,000 characters, none of them U+0000 or an unpaired surrogate",
    ],
    [
      messageFrame(1),
      'Invalid content "1": expected 1 to 4,000 characters, none of them U+0000 or an unpaired surrogate',
    ],
    [messageFrame(""), 'Invalid content "": expected'],
    [messageFrame("x".repeat(4_001)), `Invalid content "${"x".repeat(100)}…": expected`],
    [messageFrame("a\u0000"), 'Invalid content "'],
    ['{"content":"\\ud800","user_id":"ada"}', 'Invalid content "'],
    [messageFrame("x", null), 'Invalid user_id "null": expected 1 to 100 characters'],
    [messageFrame("x", "y".repeat(101)), 'Invalid user_id "'],
    [messageFrame("x", "\n"), 'Invalid user_id "'],
    ['{"content":"x"}', "Missing user_id: expected 1 to 100 characters"],
    [
      '{"content":"x","user_id":"ada","id":"1"}',
      'Unknown field "id": expected content or user_id',
    ],
    ['{"content":"x","user_id":"ada","__proto__":{}}', 'Unknown field "__proto__": expected '],
  ];
  for (const [frame, start] of invalid) {
    client.socket.send(frame);
    const { code, message } = await nextError(client);
    assertEquals([code, message.slice(0, start.length)], ["invalid_message", start]);
  }
  client.socket.send(messageFrame("x".repeat(4_000)));
  assertEquals((await nextContent(client)).length, 4_000);
  assertEquals((await nextContent(other)).length, 4_000);
  assertEquals([client.frames.length, other.frames.length], [invalid.length + 1, 1]);
  assertEquals(server.messages.stored.length, 1);
});

Deno.test("WebSocketServer accepts bursts of 20 messages and 10 per second, then closes with 1008", async () => {
  let offset = 0;
  const start = Date.now();
  const clock = { ...systemClock, now: () => start + offset };
  await using server = await new ServerUnderTest({ clock }).start();
  await using client = await joinMessages(server);
  await using other = await joinMessages(server);
  const send = (count: number) => {
    for (let each = 0; each < count; each++) client.socket.send(messageFrame("x"));
  };
  send(20);
  await waitUntil(() => client.frames.length === 20, "a burst has been sent");
  offset = 1_000;
  send(10);
  await waitUntil(() => client.frames.length === 30, "10 more have been sent a second later");
  offset = 1_099;
  send(5);
  assertEquals(await withTimeout(client.closed, "the close"), { code: 1008, reason: RATE_LIMITED });
  assertEquals(client.frames.map((frame) => JSON.parse(frame)).slice(30), [
    { error: { code: "rate_limited", message: RATE_LIMITED } },
  ]);
  await waitUntil(() => other.frames.length === 30, "the other client has received 30 messages");
  await waitUntil(() => server.fanout.size === 1, "the closed client is removed");
  other.socket.send(messageFrame("allowed"));
  await waitUntil(() => other.frames.length === 31, "the other client is not limited");
  assertEquals(server.messages.stored.length, 31);
});

Deno.test("WebSocketServer counts invalid frames toward the rate limit", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  for (let each = 0; each < 100; each++) client.socket.send("invalid");
  assertEquals((await withTimeout(client.closed, "the close")).code, 1008);
  const codes = client.frames.map((frame) => JSON.parse(frame).error.code);
  assertEquals(codes.at(-1), "rate_limited");
  assert(codes.length < 40 && codes.slice(0, -1).every((code) => code === "invalid_message"));
});

for (
  const [kind, code] of [["unavailable", "storage_unavailable"], ["full", "storage_full"]] as const
) {
  Deno.test(`WebSocketServer sends ${code} if a message cannot be stored, and continues`, async () => {
    await using server = await new ServerUnderTest().start();
    await using client = await joinMessages(server);
    await using other = await joinMessages(server);
    server.eventLog.error = new StorageError(kind, "postgres://secret@host");
    client.socket.send(messageFrame("lost"));
    const error = await nextError(client);
    assertEquals(error.code, code);
    assert(!error.message.includes("secret"));
    server.eventLog.error = undefined;
    client.socket.send(messageFrame("stored"));
    assertEquals([await nextContent(client), await nextContent(other)], ["stored", "stored"]);
    assertEquals([client.frames.length, other.frames.length], [2, 1]);
  });
}

Deno.test("WebSocketServer hides internal errors", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  server.eventLog.error = new TypeError("internal detail");
  client.socket.send(messageFrame("lost"));
  assertEquals(await nextError(client), {
    code: "internal",
    message: "Internal error; see the log",
  });
});
