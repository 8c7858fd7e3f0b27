import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { MAX_BUFFERED_BYTES } from "../../../src/feed/slow_client.ts";
import { toRunEvent } from "../../../src/run/event.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import {
  publishHugeRuns,
  publishStatuses,
  range,
  readSeqs,
  subscribe,
} from "../../fakes/apps/stream_clients.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import type { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";
import { OffsetClock } from "../../fakes/clock.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { joinMessages } from "../../fakes/stores/messages.ts";

const PADDING = "x".repeat(1024 * 1024);

interface Protocol {
  readonly name: string;
  readonly query: string;
  /** Publishes a megabyte that contains `number`. */
  readonly publish: (server: ServerUnderTest, number: number) => unknown;
  readonly readNumber: (client: WebSocketClient) => Promise<number>;
}

const PROTOCOLS: readonly Protocol[] = [
  {
    name: "snapshots",
    query: "",
    publish: (server, number) => server.publishRun(`${number} ${PADDING}`),
    readNumber: async (client) => Number(readTitle(await client.next()).split(" ")[0]),
  },
  ...["topics=events", "topics=events&batch=true"].map((query) => ({
    name: query,
    query,
    publish: (server: ServerUnderTest) => publishHugeRuns(server, 1),
    readNumber: async (client: WebSocketClient) => (await readSeqs(client, 1))[0] ?? NaN,
  })),
];

for (const { name, query, publish, readNumber } of PROTOCOLS) {
  Deno.test(`WebSocketServer closes a slow client of ${name} without delaying other clients`, async () => {
    const clock = new OffsetClock();
    await using server = await new ServerUnderTest({ clock }).start();
    await using fast = await subscribe(server, query);
    using slow = await RawWebSocket.connect(server.port, `/ws?${query}`);
    await waitUntil(() => server.activeClients.size === 2, "both are subscribed");
    for (let number = 1; number <= 20; number++) {
      await publish(server, number);
      assertEquals(await readNumber(fast), number);
    }
    assertEquals(server.connections.size, 2);
    clock.advance(30_000);
    await waitUntil(() => server.connections.size === 1, "the slow client is closed");
    await waitUntil(() => server.activeClients.size === 1, "the slow client is not active");
    const { code, frames } = await slow.readUntilClose();
    assertEquals(code, 1013);
    // It received the frames in the kernel's buffers and one more; the rest was never queued.
    assert(frames.length < 15, `${frames.length} frames`);
  });
}

Deno.test("WebSocketServer closes a slow client of messages without delaying other clients", async () => {
  const clock = new OffsetClock();
  await using server = await new ServerUnderTest({ clock }).start();
  await using fast = await joinMessages(server);
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=messages");
  await waitUntil(() => server.fanout.size === 2, "both are subscribed");
  // More than the kernel buffers, and less than the limit of the queue.
  const count = 2_000;
  await publishMessages(server, count, () => "x".repeat(4_000));
  await waitUntil(() => fast.frames.length === count, "the fast client has received everything");
  assertEquals(fast.frames.map((frame) => Number(JSON.parse(frame).id)), range(0, count - 1));
  assertEquals(server.fanout.size, 2);
  clock.advance(30_000);
  await waitUntil(() => server.fanout.size === 1, "the slow client is closed");
  const { code, frames } = await slow.readUntilClose();
  assertEquals(code, 1013);
  assert(frames.length < count, `${frames.length} frames`);
});

Deno.test("WebSocketServer sends a client that catches up only the latest snapshot", async () => {
  await using server = await new ServerUnderTest().start();
  using slow = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 1, "the client is subscribed");
  for (let number = 0; number < 20; number++) server.publishRun(`${number} ${PADDING}`);
  server.publishRun("the latest");
  const read = slow.readUntilClose();
  await waitUntil(() => server.connections.size === 1, "the connection is open");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await server.stop();
  const { code, frames } = await read;
  assertEquals(code, 1001);
  assert(frames.length < 15, `${frames.length} frames`);
  assert((frames.at(-1) ?? 0) < 1_000, "the last frame is the latest snapshot");
});

Deno.test("WebSocketServer sends a client that catches up every event, once and in order", async () => {
  const feed = { replayLimits: { events: 3, characters: 100_000_000 }, pageSize: 2 };
  await using server = await new ServerUnderTest({ feed }).start();
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=events");
  await waitUntil(() => server.activeClients.size === 1, "the client is subscribed");
  for (let number = 1; number <= 30; number++) {
    const displayTitle = "x".repeat(512 * 1024 + number);
    await server.feed.publish(toRunEvent(aRun({ displayTitle })));
  }
  const [first] = await server.eventLog.readAfter(0, 1);
  const firstLength = JSON.stringify(first).length;
  await publishStatuses(server, 1);
  await using fast = await subscribe(server, "topics=events&since=30");
  assertEquals(await readSeqs(fast, 1), [31]);
  const lengths = await withTimeout(slow.readFrames(31), "all frames", 20_000);
  // Each title is one character longer than the previous one; sequence numbers have two digits from 10 on.
  const expected = Array.from({ length: 30 }, (_, i) => firstLength + i + (i >= 9 ? 1 : 0));
  assertEquals(lengths.slice(0, 30), expected);
});

Deno.test("WebSocketServer sends a client that catches up full batches within the buffer limit", async () => {
  await using server = await new ServerUnderTest().start();
  const query = "topics=events&batch=true";
  using slow = await RawWebSocket.connect(server.port, `/ws?${query}`);
  await waitUntil(() => server.activeClients.size === 1, "the client is subscribed");
  const event = toRunEvent(aRun({ displayTitle: "ä".repeat(4_000) }));
  for (let i = 0; i < 40; i++) {
    server.feed.emit(await server.eventLog.append(range(1, 50).map(() => event)));
    await systemClock.sleep(1);
  }
  await using fast = await subscribe(server, `${query}&since=0`);
  assertEquals(await readSeqs(fast, 2_000), range(1, 2_000));
  const total = sum(fast.frames.map((frame) => new TextEncoder().encode(frame).byteLength));
  const sizes: number[] = [];
  // However the events are split, their arrays have the same total size, except for one byte per array.
  while (sum(sizes) - sizes.length < total - fast.frames.length) {
    sizes.push(...await withTimeout(slow.readFrames(1), "a frame", 20_000));
  }
  assertEquals(sum(sizes) - sizes.length, total - fast.frames.length);
  assert(Math.max(...sizes) <= MAX_BUFFERED_BYTES, `${Math.max(...sizes)} bytes`);
  assert(Math.max(...sizes) > MAX_BUFFERED_BYTES - 10_000, `${Math.max(...sizes)} bytes`);
});

Deno.test("WebSocketServer sends a client that catches up every message, once and in order", async () => {
  await using server = await new ServerUnderTest().start();
  await using fast = await joinMessages(server);
  using slow = await RawWebSocket.connect(server.port, "/ws?topics=messages");
  await waitUntil(() => server.fanout.size === 2, "both are subscribed");
  const count = 2_000;
  // Every message has a different length.
  await publishMessages(server, count, (index) => "x".repeat(3_000 + index));
  await waitUntil(() => fast.frames.length === count, "the fast client has received everything");
  const lengths = await withTimeout(slow.readFrames(count), "all frames", 20_000);
  assertEquals(lengths, fast.frames.map((frame) => frame.length));
  assertEquals(new Set(lengths).size, count);
});

async function publishMessages(
  server: ServerUnderTest,
  count: number,
  toContent: (index: number) => string,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const id = String(index).padStart(4, "0");
    const data = { id, content: toContent(index), user_id: "ada", created_at: "" };
    await server.feed.publish({ type: "message", repository: null, data });
    if (index % 20 === 0) await systemClock.sleep(1);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
