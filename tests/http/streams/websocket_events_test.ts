import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { toRunEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { publishStatuses, range, readSeqs, subscribe } from "../../fakes/apps/stream_clients.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { aRun } from "../../fakes/stores/github.ts";

const EVENTS = "topics=events";
const BATCHES = "topics=events&batch=true";

/** The replay buffer is empty, so that every event is read from the log. */
const NO_REPLAY_BUFFER = { replayLimits: { events: 0, characters: 0 } };

Deno.test("WebSocketServer sends one event per frame, with its sequence number", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribe(server, EVENTS);
  await server.feed.publish(aStatus({ state: "polling" }));
  const [event] = await server.eventLog.readAfter(0, 1);
  assert(event);
  assertEquals(
    await client.next(),
    `{"seq":1,"type":"status","at":"${event.at}","repository":null,` +
      `"data":{"state":"polling","waiting_until":null}}`,
  );
  server.publishRun("a snapshot, which this client does not receive");
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [2]);
});

Deno.test("WebSocketServer resumes after since, with events of the requested repository", async () => {
  await using server = await new ServerUnderTest().start();
  await using _ready = await subscribe(server, EVENTS);
  for (const repository of ["octo/a", "octo/b", "octo/a", "octo/b"]) {
    await server.feed.publish(toRunEvent(aRun({ repository })));
  }
  await using all = await subscribe(server, `${EVENTS}&since=1`);
  await using ofA = await subscribe(server, `${EVENTS}&since=1&repository=Octo/A`);
  await server.feed.publish(toRunEvent(aRun({ repository: "octo/a" })));
  assertEquals(await readSeqs(all, 4), [2, 3, 4, 5]);
  assertEquals(await readSeqs(ofA, 2), [3, 5]);
});

Deno.test("WebSocketServer reports a gap, sends a snapshot, and continues after it", async () => {
  await using server = await new ServerUnderTest({ feed: NO_REPLAY_BUFFER }).start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using _ready = await subscribe(server, EVENTS);
  await publishStatuses(server, 5);
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await subscribe(server, `${EVENTS}&since=2&view=full`);
  assertEquals(await client.next(), '{"type":"gap","since":2,"first":4,"last":5}');
  assertEquals(await client.next(), server.current.encode("full", "all"));
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [6]);
});

Deno.test("WebSocketServer reports a gap when no snapshot exists", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribe(server, `${EVENTS}&since=7`);
  assertEquals(await client.next(), '{"type":"gap","since":7,"first":1,"last":0}');
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
});

Deno.test("WebSocketServer counts a client of events as active until it disconnects", async () => {
  await using server = await new ServerUnderTest().start();
  const client = await subscribe(server, EVENTS);
  assertEquals(server.activeClients.size, 1);
  await client.close();
  await waitUntil(() => server.activeClients.size === 0, "the client has disconnected");
  assertEquals(server.connections.size, 0);
});

Deno.test("WebSocketServer closes with 1011 when it cannot read events", async () => {
  await using server = await new ServerUnderTest({ feed: NO_REPLAY_BUFFER }).start();
  await using client = await subscribe(server, EVENTS);
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  const stored = await server.eventLog.append([aStatus()]);
  server.eventLog.error = new Error("connection lost");
  server.feed.emit(stored);
  assertEquals(await withTimeout(client.closed, "the close"), {
    code: 1011,
    reason: "Failed to read events; reconnect",
  });
  assertEquals(server.activeClients.size, 0);
  server.eventLog.error = undefined;
  await using reconnected = await subscribe(server, `${EVENTS}&since=1`);
  assertEquals(await readSeqs(reconnected, 1), [2]);
});

Deno.test("WebSocketServer sends batches as arrays, even with a single event", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribe(server, BATCHES);
  await using other = await subscribe(server, EVENTS);
  await publishStatuses(server, 1);
  assertEquals(await client.next(), `[${await other.next()}]`);
});

Deno.test("WebSocketServer sends simultaneous events in one array", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribe(server, BATCHES);
  server.feed.emit(await server.eventLog.append(range(1, 50).map(() => aStatus())));
  assertEquals(await readSeqs(client, 50), range(1, 50));
  assertEquals(client.frames.length, 1);
});

Deno.test("WebSocketServer sends every event once and in order in batches, across reconnects", async () => {
  const feed = { replayLimits: { events: 20, characters: 1_000_000 }, pageSize: 8 };
  await using server = await new ServerUnderTest({ feed }).start();
  await using steady = await subscribe(server, BATCHES);
  const publishing = (async () => {
    for (let i = 0; i < 200; i++) {
      await server.feed.publish(i % 3 ? aStatus() : toRunEvent(aRun({ repository: "octo/a" })));
      if (i % 5 === 0) await systemClock.sleep(3);
    }
  })();
  const seqs: number[] = [];
  while (seqs.length < 200) {
    await using client = await subscribe(server, `${BATCHES}&since=${seqs.length}`);
    seqs.push(...await readSeqs(client, Math.min(30, 200 - seqs.length)));
    assert(client.frames.every((frame) => frame.startsWith("[{")), "arrays of events");
  }
  await publishing;
  assertEquals(seqs, range(1, 200));
  assertEquals(await readSeqs(steady, 200), range(1, 200));
});

Deno.test("WebSocketServer filters batches by repository", async () => {
  await using server = await new ServerUnderTest().start();
  await using ofA = await subscribe(server, `${BATCHES}&repository=Octo/A`);
  await using ofB = await subscribe(server, `${BATCHES}&repository=octo/b`);
  const events = range(1, 6).map((i) =>
    toRunEvent(aRun({ repository: i % 2 ? "octo/a" : "octo/b" }))
  );
  server.feed.emit(await server.eventLog.append([...events, aStatus()]));
  assertEquals(await readSeqs(ofA, 4), [1, 3, 5, 7]);
  assertEquals(await readSeqs(ofB, 4), [2, 4, 6, 7]);
});

Deno.test("WebSocketServer sends snapshots and gaps as objects between batches", async () => {
  await using server = await new ServerUnderTest({ feed: NO_REPLAY_BUFFER }).start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using _ready = await subscribe(server, EVENTS);
  server.feed.emit(await server.eventLog.append(range(1, 5).map(() => aStatus())));
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await subscribe(server, "topics=runs,events&batch=true&since=2");
  const frames = [await client.next(), await client.next(), await client.next()];
  assertEquals(frames.filter((frame) => frame.includes('"gap"')), [
    '{"type":"gap","since":2,"first":4,"last":5}',
  ]);
  // The first snapshot of the client, and the snapshot after the gap.
  const snapshots = frames.filter((frame) => !frame.includes('"gap"'));
  assertEquals(snapshots.map(readTitle), ["now", "now"]);
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [6]);
  assert(client.frames.at(-1)?.startsWith("[{"), "an array of events");
});
