import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { runEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

/** Keeps and tells `count` statuses. */
async function publish(server: ServerUnderTest, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await server.feed.publish(aStatus());
}

/** Connects, and waits until the feed is followed: events before that are none of the client's. */
async function connectAndWait(server: ServerUnderTest, query: string): Promise<WebSocketClient> {
  const before = server.activeClients.size;
  const client = await WebSocketClient.connect(`${server.socketUrl}?${query}`);
  await waitUntil(() => server.activeClients.size > before, "it has joined");
  return client;
}

/** The numbers of the next `count` frames. */
async function readSeqs(client: WebSocketClient, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) found.push(JSON.parse(await client.next()).seq);
  return found;
}

Deno.test("Connections sends events, one a frame, with the numbers of the feed", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await connectAndWait(server, "topics=events");
  await server.feed.publish(aStatus({ state: "polling" }));
  const [event] = await server.eventLog.readAfter(0, 1);
  assert(event);
  assertEquals(
    await client.next(),
    `{"seq":1,"type":"status","at":"${event.at}","repository":null,` +
      `"data":{"state":"polling","waiting_until":null}}`,
  );
  server.publishRun("a snapshot is not for it");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [2]);
});

Deno.test("Connections sends snapshots and events on one socket", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using client = await connectAndWait(server, "topics=runs,events");
  assertEquals(readTitle(await client.next()), "now");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  server.publishRun("next");
  assertEquals(readTitle(await client.next()), "next");
});

Deno.test("Connections goes on after since, in the repository that was asked for", async () => {
  await using server = await new ServerUnderTest().start();
  await using _ready = await connectAndWait(server, "topics=events");
  for (const repository of ["octo/a", "octo/b", "octo/a", "octo/b"]) {
    await server.feed.publish(runEvent(aRun({ repository })));
  }
  await using all = await connectAndWait(server, "topics=events&since=1");
  await using ofA = await connectAndWait(server, "topics=events&since=1&repository=Octo/A");
  await server.feed.publish(runEvent(aRun({ repository: "octo/a" })));
  assertEquals(await readSeqs(all, 4), [2, 3, 4, 5]);
  assertEquals(await readSeqs(ofA, 2), [3, 5]);
});

Deno.test("Connections says what is missing, sends a snapshot, and goes on from there", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using _ready = await connectAndWait(server, "topics=events");
  await publish(server, 5);
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await connectAndWait(server, "topics=events&since=2&view=full");
  assertEquals(await client.next(), '{"type":"gap","since":2,"first":4,"last":5}');
  assertEquals(await client.next(), server.current.encode("full", "all"));
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [6]);
});

Deno.test("Connections says what is missing where there is no snapshot, too", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await connectAndWait(server, "topics=events&since=7");
  assertEquals(await client.next(), '{"type":"gap","since":7,"first":1,"last":0}');
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
});

Deno.test("Connections names a wrong parameter of a follower", async () => {
  await using server = await new ServerUnderTest().start();
  for (const query of ["since=x", "since=-1", "repository=octo", "topics=events,", "topics=run"]) {
    const response = await fetch(`${server.url}/ws?${query}`, {
      headers: { upgrade: "websocket", connection: "Upgrade" },
    });
    assertEquals(response.status, 400, query);
    assertEquals((await response.json()).code, "invalid_parameter");
  }
});

Deno.test("Connections counts a follower as a listener until it leaves", async () => {
  await using server = await new ServerUnderTest().start();
  const client = await connectAndWait(server, "topics=events");
  assertEquals(server.activeClients.size, 1);
  await client.close();
  await waitUntil(() => server.activeClients.size === 0, "it has left");
  assertEquals(server.connections.size, 0);
});

Deno.test("Connections lets a follower that does not read delay no other, and closes it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await connectAndWait(server, "topics=events");
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=events");
  await waitUntil(() => server.activeClients.size === 2, "both have joined");
  const displayTitle = "x".repeat(1024 * 1024);
  for (let number = 1; number <= 20; number++) {
    await server.feed.publish(runEvent(aRun({ displayTitle })));
    assertEquals(await readSeqs(quick, 1), [number]);
  }
  assertEquals(server.connections.size, 2);
  later = 30_000;
  await waitUntil(() => server.connections.size === 1, "the slow one is closed");
  await waitUntil(() => server.activeClients.size === 1, "it is no listener any more");
  const { code, frames } = await slow.readUntilClose();
  assertEquals(code, 1013);
  // It was sent what the kernel took, and one event more; the others were never queued.
  assert(frames.length < 15, `${frames.length} frames`);
});

Deno.test("Connections sends a follower that was behind every event, once and in order", async () => {
  const feed = { replayLimits: { events: 3, characters: 100_000_000 }, pageSize: 2 };
  await using server = await new ServerUnderTest({ feed }).start();
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=events");
  await waitUntil(() => server.activeClients.size === 1, "it has joined");
  for (let number = 1; number <= 30; number++) {
    const displayTitle = "x".repeat(512 * 1024 + number);
    await server.feed.publish(runEvent(aRun({ displayTitle })));
  }
  const [first] = await server.eventLog.readAfter(0, 1);
  const least = JSON.stringify(first).length;
  await publish(server, 1);
  await using quick = await connectAndWait(server, "topics=events&since=30");
  assertEquals(await readSeqs(quick, 1), [31]);
  const read = slow.readFrames(31);
  const frames = await withTimeout(read, "all frames", 20_000);
  const expected = Array.from({ length: 30 }, (_, i) => least + i + (i >= 9 ? 1 : 0));
  assertEquals(frames.slice(0, 30), expected);
});

Deno.test("Connections closes a follower with 1011 when events cannot be read", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  await using client = await connectAndWait(server, "topics=events");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  const stored = await server.eventLog.append([aStatus()]);
  server.eventLog.error = new Error("gone away");
  server.feed.emit(stored);
  assertEquals((await withTimeout(client.closed, "the end")).code, 1011);
  assertEquals(server.activeClients.size, 0);
  server.eventLog.error = undefined;
  await using back = await connectAndWait(server, "topics=events&since=1");
  assertEquals(await readSeqs(back, 1), [2]);
});

Deno.test("Server says 1001 to every follower when it stops", async () => {
  const server = await new ServerUnderTest().start();
  const client = await connectAndWait(server, "topics=runs,events");
  await server.stop();
  assertEquals((await withTimeout(client.closed, "the end")).code, 1001);
  await assertRejects(() => WebSocketClient.connect(server.socketUrl), Error, "Closed");
  assertEquals(server.activeClients.size, 0);
});
