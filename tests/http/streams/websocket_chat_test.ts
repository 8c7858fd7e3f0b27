import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import type { Principal } from "../../../src/account/principal.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { keyCaller, MemoryCallers, sessionCaller } from "../../fakes/callers.ts";
import { aRun } from "../../fakes/github.ts";
import { contentOf, errorOf, join, said } from "../../fakes/messages.ts";
import { RawSocket } from "../../fakes/raw_socket.ts";
import { type ServerSettings, ServerUnderTest, titleOf } from "../../fakes/server.ts";
import { SocketClient, until, within } from "../../fakes/socket.ts";

const MAY_WRITE = { permissions: new Set(["read", "write"] as const) };

/** A server with one caller, whose ticket is `t`. */
async function startWith(caller: Principal, settings: ServerSettings = {}) {
  const callers = new MemoryCallers({ isOpen: true });
  callers.known.set("t", caller);
  return { callers, server: await new ServerUnderTest({ callers, ...settings }).start() };
}

Deno.test("Connections tells everybody what one says, its sender too", async () => {
  await using server = await new ServerUnderTest().start();
  await using ada = await join(server);
  await using bob = await join(server, "view=full");
  await using only = await join(server, "topics=messages");
  ada.socket.send(said("Hello, Ω 😀\n", "ada"));
  const frame = await ada.next();
  assertEquals(Object.keys(JSON.parse(frame)), ["id", "content", "user_id", "created_at"]);
  const { id, created_at, ...rest } = JSON.parse(frame);
  assertEquals(rest, { content: "Hello, Ω 😀\n", user_id: "ada" });
  assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assertMatch(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals([await bob.next(), await only.next()], [frame, frame]);
  const [event] = await server.journal.readAfter(0, 10);
  assertEquals(event?.data, JSON.parse(frame));
});

Deno.test("Connections takes fields in any order, and with white space", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await join(server);
  client.socket.send(' {"user_id" : "ada",\n"content":"\\u00e9" }\n');
  assertEquals(await contentOf(client), "é");
});

Deno.test("Connections sends snapshots and messages on one socket, each where it is wanted", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using both = await join(server);
  await using messages = await join(server, "topics=messages");
  await using runs = await SocketClient.connect(`${server.socketUrl}?topics=runs`);
  await until(() => server.audience.size === 2, "messages alone need no snapshot");
  // Whoever does not listen may speak all the same.
  runs.socket.send(said("one"));
  assertEquals(await contentOf(messages), "one");
  server.publish("next");
  assertEquals([titleOf(await runs.next()), titleOf(await runs.next())], ["now", "next"]);
  assertEquals(titleOf(await both.next()), "now");
  assertEquals(await contentOf(both), "one");
  assertEquals(titleOf(await both.next()), "next");
  assertEquals(messages.frames.length, 1);
});

for (
  const query of ["topics=events", "topics=messages,events", "topics=messages,events&batch=true"]
) {
  Deno.test(`Connections sends a message once, as an event, with ${query}`, async () => {
    await using server = await new ServerUnderTest().start();
    const before = server.audience.size;
    await using client = await SocketClient.connect(`${server.socketUrl}?${query}`);
    await until(() => server.audience.size > before, "it has joined");
    await using other = await join(server, "topics=messages");
    for (const content of ["one", "two"]) client.socket.send(said(content));
    const data = [JSON.parse(await other.next()), JSON.parse(await other.next())];
    const received: { seq: number; type: string; data: unknown }[] = [];
    while (received.length < 2) received.push(...[JSON.parse(await client.next())].flat());
    assertEquals(received.map(({ seq, type, data }) => ({ seq, type, data })), [
      { seq: 1, type: "message", data: data[0] },
      { seq: 2, type: "message", data: data[1] },
    ]);
    assertEquals(server.relay.size, 1);
  });
}

Deno.test("Connections tells a viewer what others say, and takes nothing from him", async () => {
  const { server } = await startWith(sessionCaller());
  await using _ = server;
  await using viewer = await join(server, "ticket=t");
  await using other = await join(server);
  viewer.socket.send(said("I may not"));
  assertEquals(await errorOf(viewer), {
    code: "forbidden",
    message: "Cannot post: it needs the permission write",
  });
  other.socket.send(said("I may"));
  assertEquals([await contentOf(other), await contentOf(viewer)], ["I may", "I may"]);
  assertEquals(server.messages.kept.length, 1);
});

Deno.test("Connections takes the author from the session, and a program by its word", async () => {
  for (
    const [caller, authors] of [[sessionCaller(MAY_WRITE), ["octocat", "octocat"]], [
      keyCaller(MAY_WRITE),
      ["mallory", undefined],
    ]] as const
  ) {
    const { server } = await startWith(caller);
    await using _ = server;
    await using client = await join(server, "ticket=t");
    client.socket.send(said("as whom?", "mallory"));
    client.socket.send('{"content":"as whom?"}');
    const frames = [JSON.parse(await client.next()), JSON.parse(await client.next())];
    assertEquals(new Set(frames.map(({ user_id }) => user_id)), new Set(authors));
  }
});

Deno.test("Connections takes nothing any more from who has lost the right to write", async () => {
  const { server, callers } = await startWith(sessionCaller(MAY_WRITE), { watchMs: 20 });
  await using _ = server;
  await using client = await join(server, "ticket=t");
  client.socket.send(said("one"));
  assertEquals(await contentOf(client), "one");
  let reads = 0;
  callers.reauthenticate = () => {
    reads++;
    return Promise.resolve(sessionCaller());
  };
  await until(() => reads > 1, "it was looked at");
  client.socket.send(said("two"));
  assertEquals((await errorOf(client)).code, "forbidden");
});

Deno.test("Connections lets one that reads no messages delay no other, and closes it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await join(server);
  using slow = await RawSocket.connect(server.port, "/ws?topics=messages");
  await until(() => server.relay.size === 2, "both have joined");
  // More than the kernel takes, and less than may be held.
  const count = 2_000;
  const content = "x".repeat(4_000);
  const message = { type: "message", repository: null } as const;
  for (let at = 0; at < count; at++) {
    const data = { id: String(at), content, user_id: "ada", created_at: "" };
    await server.feed.publish({ ...message, data });
    if (at % 20 === 0) await systemClock.sleep(1);
  }
  await until(() => quick.frames.length === count, "the quick one has everything");
  assertEquals(quick.frames.map((frame) => Number(JSON.parse(frame).id)), [...Array(count).keys()]);
  assertEquals(server.relay.size, 2);
  later = 30_000;
  await until(() => server.relay.size === 1, "the slow one is closed");
  const { code, frames } = await slow.readToClose();
  assertEquals(code, 1013);
  assert(frames.length < count, `${frames.length} frames`);
});

Deno.test("Connections sends one that was behind every message, once and in order", async () => {
  await using server = await new ServerUnderTest().start();
  await using quick = await join(server);
  using slow = await RawSocket.connect(server.port, "/ws?topics=messages");
  await until(() => server.relay.size === 2, "both have joined");
  const count = 2_000;
  for (let at = 0; at < count; at++) {
    const data = { id: "", content: "x".repeat(3_000 + at), user_id: "ada", created_at: "" };
    await server.feed.publish({ type: "message", repository: null, data });
    if (at % 20 === 0) await systemClock.sleep(1);
  }
  await until(() => quick.frames.length === count, "the quick one has everything");
  const lengths = await within(slow.readFrames(count), "all frames", 20_000);
  assertEquals(lengths, quick.frames.map((frame) => frame.length));
  assertEquals(new Set(lengths).size, count);
});
