import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { runEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/github.ts";
import { aStatus } from "../../fakes/journal.ts";
import { RawSocket } from "../../fakes/raw_socket.ts";
import { ServerUnderTest, titleOf } from "../../fakes/server.ts";
import { SocketClient, until, within } from "../../fakes/socket.ts";

/** Keeps and tells `count` statuses. */
async function publish(server: ServerUnderTest, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await server.feed.publish(aStatus());
}

/** Connects, and waits until the feed is followed: events before that are none of the client's. */
async function connectAndWait(server: ServerUnderTest, query: string): Promise<SocketClient> {
  const before = server.audience.size;
  const client = await SocketClient.connect(`${server.socketUrl}?${query}`);
  await until(() => server.audience.size > before, "it has joined");
  return client;
}

/** The numbers of the next `count` frames. */
async function readSeqs(client: SocketClient, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) found.push(JSON.parse(await client.next()).seq);
  return found;
}

Deno.test("Connections sends events, one a frame, with the numbers of the feed", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await connectAndWait(server, "topics=events");
  await server.feed.publish(aStatus({ state: "polling" }));
  const [event] = await server.journal.readAfter(0, 1);
  assert(event);
  assertEquals(
    await client.next(),
    `{"seq":1,"type":"status","at":"${event.at}","repository":null,` +
      `"data":{"state":"polling","waiting_until":null}}`,
  );
  server.publish("a snapshot is not for it");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [2]);
});

Deno.test("Connections sends snapshots and events on one socket", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using client = await connectAndWait(server, "topics=runs,events");
  assertEquals(titleOf(await client.next()), "now");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  server.publish("next");
  assertEquals(titleOf(await client.next()), "next");
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
  const feed = { recent: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using _ready = await connectAndWait(server, "topics=events");
  await publish(server, 5);
  await server.journal.prune({ before: 0, count: 2 });
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
    assertEquals((await response.json()).code, "bad_parameter");
  }
});

Deno.test("Connections counts a follower as a listener until it leaves", async () => {
  await using server = await new ServerUnderTest().start();
  const client = await connectAndWait(server, "topics=events");
  assertEquals(server.audience.size, 1);
  await client.close();
  await until(() => server.audience.size === 0, "it has left");
  assertEquals(server.connections.size, 0);
});

Deno.test("Connections lets a follower that does not read delay no other, and closes it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await connectAndWait(server, "topics=events");
  using slow = await RawSocket.connect(server.port, "/ws?topics=events");
  await until(() => server.audience.size === 2, "both have joined");
  const displayTitle = "x".repeat(1024 * 1024);
  for (let number = 1; number <= 20; number++) {
    await server.feed.publish(runEvent(aRun({ displayTitle })));
    assertEquals(await readSeqs(quick, 1), [number]);
  }
  assertEquals(server.connections.size, 2);
  later = 30_000;
  await until(() => server.connections.size === 1, "the slow one is closed");
  await until(() => server.audience.size === 1, "it is no listener any more");
  const { code, frames } = await slow.readToClose();
  assertEquals(code, 1013);
  // It was sent what the kernel took, and one event more; the others were never queued.
  assert(frames.length < 15, `${frames.length} frames`);
});

Deno.test("Connections sends a follower that was behind every event, once and in order", async () => {
  const feed = { recent: { events: 3, characters: 100_000_000 }, pageSize: 2 };
  await using server = await new ServerUnderTest({ feed }).start();
  using slow = await RawSocket.connect(server.port, "/ws?topics=events");
  await until(() => server.audience.size === 1, "it has joined");
  for (let number = 1; number <= 30; number++) {
    const displayTitle = "x".repeat(512 * 1024 + number);
    await server.feed.publish(runEvent(aRun({ displayTitle })));
  }
  const [first] = await server.journal.readAfter(0, 1);
  const least = JSON.stringify(first).length;
  await publish(server, 1);
  await using quick = await connectAndWait(server, "topics=events&since=30");
  assertEquals(await readSeqs(quick, 1), [31]);
  const read = slow.readFrames(31);
  const frames = await within(read, "all frames", 20_000);
  const expected = Array.from({ length: 30 }, (_, i) => least + i + (i >= 9 ? 1 : 0));
  assertEquals(frames.slice(0, 30), expected);
});

Deno.test("Connections closes a follower with 1011 when events cannot be read", async () => {
  const feed = { recent: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  await using client = await connectAndWait(server, "topics=events");
  await publish(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  const stored = await server.journal.append([aStatus()]);
  server.journal.failure = new Error("gone away");
  server.feed.emit(stored);
  assertEquals((await within(client.closed, "the end")).code, 1011);
  assertEquals(server.audience.size, 0);
  server.journal.failure = undefined;
  await using back = await connectAndWait(server, "topics=events&since=1");
  assertEquals(await readSeqs(back, 1), [2]);
});

Deno.test("Server says 1001 to every follower when it stops", async () => {
  const server = await new ServerUnderTest().start();
  const client = await connectAndWait(server, "topics=runs,events");
  await server.stop();
  assertEquals((await within(client.closed, "the end")).code, 1001);
  await assertRejects(() => SocketClient.connect(server.socketUrl), Error, "Closed");
  assertEquals(server.audience.size, 0);
});
