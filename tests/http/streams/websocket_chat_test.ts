import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import type { Principal } from "../../../src/account/principal.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../../fakes/stores/authenticator.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { joinMessages, messageFrame, nextContent, nextError } from "../../fakes/stores/messages.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { readTitle, type ServerSettings, ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const MAY_WRITE = { permissions: new Set(["read", "write"] as const) };

/** A server with one caller, whose ticket is `t`. */
async function startWith(caller: Principal, settings: ServerSettings = {}) {
  const callers = new FakeAuthenticator({ isOpen: true });
  callers.principals.set("t", caller);
  return { callers, server: await new ServerUnderTest({ callers, ...settings }).start() };
}

Deno.test("Connections tells everybody what one says, its sender too", async () => {
  await using server = await new ServerUnderTest().start();
  await using ada = await joinMessages(server);
  await using bob = await joinMessages(server, "view=full");
  await using only = await joinMessages(server, "topics=messages");
  ada.socket.send(messageFrame("Hello, Ω 😀\n", "ada"));
  const frame = await ada.next();
  assertEquals(Object.keys(JSON.parse(frame)), ["id", "content", "user_id", "created_at"]);
  const { id, created_at, ...rest } = JSON.parse(frame);
  assertEquals(rest, { content: "Hello, Ω 😀\n", user_id: "ada" });
  assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assertMatch(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals([await bob.next(), await only.next()], [frame, frame]);
  const [event] = await server.eventLog.readAfter(0, 10);
  assertEquals(event?.data, JSON.parse(frame));
});

Deno.test("Connections takes fields in any order, and with white space", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await joinMessages(server);
  client.socket.send(' {"user_id" : "ada",\n"content":"\\u00e9" }\n');
  assertEquals(await nextContent(client), "é");
});

Deno.test("Connections sends snapshots and messages on one socket, each where it is wanted", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using both = await joinMessages(server);
  await using messages = await joinMessages(server, "topics=messages");
  await using runs = await WebSocketClient.connect(`${server.socketUrl}?topics=runs`);
  await waitUntil(() => server.activeClients.size === 2, "messages alone need no snapshot");
  // Whoever does not listen may speak all the same.
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
  Deno.test(`Connections sends a message once, as an event, with ${query}`, async () => {
    await using server = await new ServerUnderTest().start();
    const before = server.activeClients.size;
    await using client = await WebSocketClient.connect(`${server.socketUrl}?${query}`);
    await waitUntil(() => server.activeClients.size > before, "it has joined");
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

Deno.test("Connections tells a viewer what others say, and takes nothing from him", async () => {
  const { server } = await startWith(sessionPrincipal());
  await using _ = server;
  await using viewer = await joinMessages(server, "ticket=t");
  await using other = await joinMessages(server);
  viewer.socket.send(messageFrame("I may not"));
  assertEquals(await nextError(viewer), {
    code: "forbidden",
    message: 'Permission "write" is required to post messages',
  });
  other.socket.send(messageFrame("I may"));
  assertEquals([await nextContent(other), await nextContent(viewer)], ["I may", "I may"]);
  assertEquals(server.messages.stored.length, 1);
});

Deno.test("Connections takes the author from the session, and a program by its word", async () => {
  for (
    const [caller, authors] of [[sessionPrincipal(MAY_WRITE), ["octocat", "octocat"]], [
      keyPrincipal(MAY_WRITE),
      ["mallory", undefined],
    ]] as const
  ) {
    const { server } = await startWith(caller);
    await using _ = server;
    await using client = await joinMessages(server, "ticket=t");
    client.socket.send(messageFrame("as whom?", "mallory"));
    client.socket.send('{"content":"as whom?"}');
    const frames = [JSON.parse(await client.next()), JSON.parse(await client.next())];
    assertEquals(new Set(frames.map(({ user_id }) => user_id)), new Set(authors));
  }
});

Deno.test("Connections takes nothing any more from who has lost the right to write", async () => {
  const { server, callers } = await startWith(sessionPrincipal(MAY_WRITE), { sessionCheckMs: 20 });
  await using _ = server;
  await using client = await joinMessages(server, "ticket=t");
  client.socket.send(messageFrame("one"));
  assertEquals(await nextContent(client), "one");
  let reads = 0;
  callers.reauthenticate = () => {
    reads++;
    return Promise.resolve(sessionPrincipal());
  };
  await waitUntil(() => reads > 1, "it was looked at");
  client.socket.send(messageFrame("two"));
  assertEquals((await nextError(client)).code, "forbidden");
});

Deno.test("Connections lets one that reads no messages delay no other, and closes it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await joinMessages(server);
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=messages");
  await waitUntil(() => server.fanout.size === 2, "both have joined");
  // More than the kernel takes, and less than may be held.
  const count = 2_000;
  const content = "x".repeat(4_000);
  const message = { type: "message", repository: null } as const;
  for (let at = 0; at < count; at++) {
    const data = { id: String(at), content, user_id: "ada", created_at: "" };
    await server.feed.publish({ ...message, data });
    if (at % 20 === 0) await systemClock.sleep(1);
  }
  await waitUntil(() => quick.frames.length === count, "the quick one has everything");
  assertEquals(quick.frames.map((frame) => Number(JSON.parse(frame).id)), [...Array(count).keys()]);
  assertEquals(server.fanout.size, 2);
  later = 30_000;
  await waitUntil(() => server.fanout.size === 1, "the slow one is closed");
  const { code, frames } = await slow.readUntilClose();
  assertEquals(code, 1013);
  assert(frames.length < count, `${frames.length} frames`);
});

Deno.test("Connections sends one that was behind every message, once and in order", async () => {
  await using server = await new ServerUnderTest().start();
  await using quick = await joinMessages(server);
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=messages");
  await waitUntil(() => server.fanout.size === 2, "both have joined");
  const count = 2_000;
  for (let at = 0; at < count; at++) {
    const data = { id: "", content: "x".repeat(3_000 + at), user_id: "ada", created_at: "" };
    await server.feed.publish({ type: "message", repository: null, data });
    if (at % 20 === 0) await systemClock.sleep(1);
  }
  await waitUntil(() => quick.frames.length === count, "the quick one has everything");
  const lengths = await withTimeout(slow.readFrames(count), "all frames", 20_000);
  assertEquals(lengths, quick.frames.map((frame) => frame.length));
  assertEquals(new Set(lengths).size, count);
});
