import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { MAX_BUFFERED_BYTES } from "../../../src/feed/slow_client.ts";
import { runEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const BATCH = "topics=events&batch=true";

/** Connects, and waits until the feed is followed: events before that are none of the client's. */
async function connectAndWait(server: ServerUnderTest, query: string): Promise<WebSocketClient> {
  const before = server.activeClients.size;
  const client = await WebSocketClient.connect(`${server.socketUrl}?${query}`);
  await waitUntil(() => server.activeClients.size > before, "it has joined");
  return client;
}

/** The numbers in the next arrays, until there are `count` of them. */
async function readSeqs(client: WebSocketClient, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const events = JSON.parse(await client.next());
    assert(Array.isArray(events) && events.length > 0, "an array of events");
    found.push(...events.map(({ seq }) => seq));
  }
  return found;
}

/** `from`, and so on, up to `to`. */
function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("Connections sends a client that batches arrays, a single event too", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await connectAndWait(server, BATCH);
  await using other = await connectAndWait(server, "topics=events");
  await server.feed.publish(aStatus());
  assertEquals(await client.next(), `[${await other.next()}]`);
});

Deno.test("Connections sends what came together in one array", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await connectAndWait(server, BATCH);
  server.feed.emit(await server.eventLog.append(range(1, 50).map(() => aStatus())));
  await readSeqs(client, 50);
  assertEquals(client.frames.length, 1);
});

Deno.test("Connections gives a client that batches every event once and in order, over reconnects", async () => {
  const feed = { replayLimits: { events: 20, characters: 1_000_000 }, pageSize: 8 };
  await using server = await new ServerUnderTest({ feed }).start();
  await using steady = await connectAndWait(server, BATCH);
  const publishing = (async () => {
    for (let i = 0; i < 200; i++) {
      await server.feed.publish(i % 3 ? aStatus() : runEvent(aRun({ repository: "octo/a" })));
      if (i % 5 === 0) await systemClock.sleep(3);
    }
  })();
  const found: number[] = [];
  while (found.length < 200) {
    await using visit = await connectAndWait(server, `${BATCH}&since=${found.length}`);
    found.push(...await readSeqs(visit, Math.min(30, 200 - found.length)));
  }
  await publishing;
  assertEquals(found, range(1, 200));
  assertEquals(await readSeqs(steady, 200), range(1, 200));
});

Deno.test("Connections sends a client that batches what it wants to hear alone", async () => {
  await using server = await new ServerUnderTest().start();
  await using ofA = await connectAndWait(server, `${BATCH}&repository=Octo/A`);
  await using ofB = await connectAndWait(server, `${BATCH}&repository=octo/b`);
  const events = range(1, 6).map((i) =>
    runEvent(aRun({ repository: i % 2 ? "octo/a" : "octo/b" }))
  );
  server.feed.emit(await server.eventLog.append([...events, aStatus()]));
  assertEquals(await readSeqs(ofA, 4), [1, 3, 5, 7]);
  assertEquals(await readSeqs(ofB, 4), [2, 4, 6, 7]);
});

Deno.test("Connections sends snapshots and gaps as objects to a client that batches", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using _ready = await connectAndWait(server, "topics=events");
  server.feed.emit(await server.eventLog.append(range(1, 5).map(() => aStatus())));
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await connectAndWait(server, "topics=runs,events&batch=true&since=2");
  const frames = [await client.next(), await client.next(), await client.next()];
  // The one of a client that joins, then those of the gap.
  assertEquals(frames.filter((frame) => frame.includes('"gap"')), [
    '{"type":"gap","since":2,"first":4,"last":5}',
  ]);
  const snapshots = frames.filter((frame) => !frame.includes('"gap"'));
  assertEquals(snapshots.map(readTitle), ["now", "now"]);
  await server.feed.publish(aStatus());
  assertEquals(await readSeqs(client, 1), [6]);
});

Deno.test("Connections sends a client that was behind arrays that are full, and not longer than may wait", async () => {
  await using server = await new ServerUnderTest().start();
  using slow = await RawWebSocket.connect(server.port, `/ws?${BATCH}`);
  await waitUntil(() => server.activeClients.size === 1, "it has joined");
  const event = runEvent(aRun({ displayTitle: "ä".repeat(4_000) }));
  for (let i = 0; i < 40; i++) {
    server.feed.emit(await server.eventLog.append(range(1, 50).map(() => event)));
    await systemClock.sleep(1);
  }
  await using quick = await connectAndWait(server, `${BATCH}&since=0`);
  assertEquals(await readSeqs(quick, 2_000), range(1, 2_000));
  const sizes: number[] = [];
  const total = quick.frames.reduce((sum, frame) => sum + byteLength(frame), 0);
  // However they are cut, arrays of the same events have the same length together, but for one byte each.
  while (sum(sizes) - sizes.length < total - quick.frames.length) {
    sizes.push(...await withTimeout(slow.readFrames(1), "a frame", 20_000));
  }
  assertEquals(sum(sizes) - sizes.length, total - quick.frames.length);
  assert(Math.max(...sizes) <= MAX_BUFFERED_BYTES, `${Math.max(...sizes)} bytes`);
  assert(Math.max(...sizes) > MAX_BUFFERED_BYTES - 10_000, `${Math.max(...sizes)} bytes`);
});

Deno.test("Connections closes a client that batches and does not read, and delays no other", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await connectAndWait(server, BATCH);
  using slow = await RawWebSocket.connect(server.port, `/ws?${BATCH}`);
  await waitUntil(() => server.activeClients.size === 2, "both have joined");
  const displayTitle = "x".repeat(1024 * 1024);
  for (let number = 1; number <= 20; number++) {
    await server.feed.publish(runEvent(aRun({ displayTitle })));
    assertEquals(await readSeqs(quick, 1), [number]);
  }
  later = 30_000;
  await waitUntil(() => server.activeClients.size === 1, "the slow one is closed");
  assertEquals((await slow.readUntilClose()).code, 1013);
});

Deno.test("Connections says what batch may be", async () => {
  await using server = await new ServerUnderTest().start();
  const refusals = {
    "topics=events&batch=maybe": 'Cannot use batch="maybe": allowed is true, false',
    "topics=events&batch=": 'Cannot use batch="": allowed is true, false',
    "batch=true": 'Cannot use batch="true": allowed is false, or true where topics has events',
    "topics=runs&batch=true": "true where topics has events",
  };
  for (const [query, detail] of Object.entries(refusals)) {
    const response = await fetch(`${server.url}/ws?${query}`, {
      headers: { upgrade: "websocket", connection: "Upgrade" },
    });
    assertEquals(response.status, 400, query);
    const problem = await response.json();
    assertEquals(problem.code, "invalid_parameter");
    assertStringIncludes(problem.detail, detail);
  }
  await using client = await connectAndWait(server, "topics=events&batch=false");
  await server.feed.publish(aStatus());
  assertEquals(JSON.parse(await client.next()).seq, 1);
});

Deno.test("Server stops amid a window, and says 1001 to clients that batch", async () => {
  const server = await new ServerUnderTest().start();
  const client = await connectAndWait(server, BATCH);
  await server.feed.publish(aStatus());
  await readSeqs(client, 1);
  await server.feed.publish(aStatus());
  await server.stop();
  assertEquals((await withTimeout(client.closed, "the end")).code, 1001);
  assertEquals(server.activeClients.size, 0);
});

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
