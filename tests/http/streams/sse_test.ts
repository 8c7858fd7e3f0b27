import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { runEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { EventStreamClient } from "../../fakes/clients/event_stream.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil } from "../../fakes/wait.ts";

const PATH = "/api/v1/events";

/** Keeps and tells `count` statuses. */
async function publish(server: ServerUnderTest, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await server.feed.publish(aStatus());
}

/** Runs of a megabyte each, of which few fill what stands between us and a client that does not read. */
async function publishHuge(server: ServerUnderTest, count: number): Promise<void> {
  const displayTitle = "x".repeat(1024 * 1024);
  for (let i = 0; i < count; i++) await server.feed.publish(runEvent(aRun({ displayTitle })));
}

Deno.test("EventStreams sends every event as it happens, in exactly these bytes", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await EventStreamClient.connect(`${server.url}${PATH}`);
  const { headers } = client.response;
  assertEquals(headers.get("content-type"), "text/event-stream");
  assertEquals(headers.get("cache-control"), "private, no-cache");
  assertEquals(headers.get("x-accel-buffering"), "no");
  assertMatch(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  assertEquals(await client.next(), "retry:2000");
  assertEquals(await client.next(), "id:0");
  await server.feed.publish(aStatus({ state: "polling" }));
  const [event] = await server.eventLog.readAfter(0, 1);
  assert(event);
  assertEquals(
    await client.next(),
    "event:status\n" +
      `data:{"seq":1,"type":"status","at":"${event.at}","repository":null,` +
      `"data":{"state":"polling","waiting_until":null}}\n` +
      "id:1",
  );
});

Deno.test("EventStreams sends a heartbeat in silence", async () => {
  await using server = await new ServerUnderTest({ heartbeatMs: 20 }).start();
  await using client = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  assertEquals(await client.next(), ": heartbeat");
  assertEquals(await client.next(), ": heartbeat");
  await publish(server, 1);
  let block = await client.next();
  while (block === ": heartbeat") block = await client.next();
  assertMatch(block ?? "", /^event:status\n/);
});

Deno.test("EventStreams tells the number of what a client does not want by a heartbeat", async () => {
  await using server = await new ServerUnderTest({ heartbeatMs: 20 }).start();
  await using client = await EventStreamClient.connectPastPreamble(
    `${server.url}${PATH}?topics=run`,
  );
  await publish(server, 3);
  let block = await client.next();
  while (block === ": heartbeat") block = await client.next();
  assertEquals(block, ": heartbeat\nid:3");
  assertEquals(await client.next(), ": heartbeat");
});

Deno.test("EventStreams goes on after Last-Event-ID, else after since", async () => {
  await using server = await new ServerUnderTest().start();
  await using _ready = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  await publish(server, 5);
  const url = `${server.url}${PATH}?since=1`;
  await using since = await EventStreamClient.connectPastPreamble(url);
  await using header = await EventStreamClient.connectPastPreamble(url, { "last-event-id": "3" });
  await using empty = await EventStreamClient.connectPastPreamble(url, { "last-event-id": "" });
  await publish(server, 1);
  assertEquals(await since.nextSeqs(5), [2, 3, 4, 5, 6]);
  assertEquals(await header.nextSeqs(3), [4, 5, 6]);
  assertEquals(await empty.nextSeqs(5), [2, 3, 4, 5, 6]);
});

Deno.test("EventStreams gives every event once to a client that comes back again and again", async () => {
  await using server = await new ServerUnderTest({ feed: { pageSize: 3 } }).start();
  const publishing = (async () => {
    for (let i = 0; i < 60; i++) {
      await publish(server, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const numbers: number[] = [];
  while (numbers.length < 60) {
    const headers = { "last-event-id": String(numbers.at(-1) ?? 0) };
    await using client = await EventStreamClient.connectPastPreamble(
      `${server.url}${PATH}`,
      headers,
    );
    numbers.push(...await client.nextSeqs(Math.min(7, 60 - numbers.length)));
  }
  await publishing;
  assertEquals(numbers, Array.from({ length: 60 }, (_, index) => index + 1));
  await waitUntil(() => server.events.size === 0, "all have left");
});

Deno.test("EventStreams says what is missing, sends the full snapshot, and goes on from there", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  server.current = new Snapshot([aRun()], 0);
  await using _ready = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  await publish(server, 5);
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}?since=2`);
  assertEquals(await client.next(), 'event:gap\ndata:{"since":2,"first":4,"last":5}');
  assertEquals(
    await client.next(),
    `event:snapshot\ndata:${server.current.encode("full", "all")}\nid:5`,
  );
  await publish(server, 1);
  assertEquals(await client.nextSeqs(1), [6]);
  await using back = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`, {
    "last-event-id": "5",
  });
  assertEquals(await back.nextSeqs(1), [6]);
});

Deno.test("EventStreams tells the number after a gap where there is no snapshot", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}?since=7`);
  assertEquals(await client.next(), 'event:gap\ndata:{"since":7,"first":1,"last":0}');
  assertEquals(await client.next(), "id:0");
  await publish(server, 1);
  assertEquals(await client.nextSeqs(1), [1]);
});

Deno.test("EventStreams sends the topics and the repository that were asked for", async () => {
  await using server = await new ServerUnderTest().start();
  const url = `${server.url}${PATH}`;
  await using statuses = await EventStreamClient.connectPastPreamble(`${url}?topics=status`);
  await using both = await EventStreamClient.connectPastPreamble(`${url}?topics=status,run`);
  await using ofA = await EventStreamClient.connectPastPreamble(
    `${url}?topics=run&repository=Octo/A`,
  );
  await server.feed.publish(runEvent(aRun({ repository: "octo/a" })));
  await server.feed.publish(runEvent(aRun({ repository: "octo/b" })));
  await server.feed.publish(aStatus());
  await server.feed.publish(runEvent(aRun({ repository: "octo/a" })));
  assertEquals(await statuses.nextSeqs(1), [3]);
  assertEquals(await both.nextSeqs(4), [1, 2, 3, 4]);
  assertEquals(await ofA.nextSeqs(2), [1, 4]);
});

Deno.test("EventStreams names a wrong parameter and what is allowed", async () => {
  await using server = await new ServerUnderTest().start();
  for (
    const [query, detail, id] of [
      ["since=-1", 'Cannot use since="-1": allowed is the number of an event, 0 or more'],
      [
        "since=99999999999999999999",
        'Cannot use since="99999999999999999999": allowed is the number of an event, 0 or more',
      ],
      ["topics=run,news", 'Cannot use topics="news": allowed is run, repository, message, status'],
      ["topics=", 'Cannot use topics="": allowed is run, repository, message, status'],
      ["repository=octo", 'Cannot use repository="octo": allowed is owner/name'],
      ["sinze=1", 'Cannot use parameter="sinze": allowed is since, topics, repository, ticket'],
      ["", 'Cannot use Last-Event-ID="x": allowed is the number of an event, 0 or more', "x"],
    ]
  ) {
    const headers: Record<string, string> = id ? { "last-event-id": id } : {};
    const response = await fetch(`${server.url}${PATH}?${query}`, { headers });
    assertEquals(response.status, 400, query);
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    const body = await response.json();
    assertEquals(body.code, "invalid_parameter");
    assertEquals(body.detail, detail);
  }
  assertEquals(server.connectionLimit.used, 0);
});

Deno.test("EventStreams is for pages that may connect, and lets those of other origins read", async () => {
  const origins = { allowed: ["https://ci.example"], hosts: ["127.0.0.1"] };
  await using server = await new ServerUnderTest({ origins }).start();
  const refused = await fetch(`${server.url}${PATH}`, {
    headers: { origin: "https://evil.example" },
  });
  assertEquals(refused.status, 403);
  assertEquals((await refused.json()).code, "origin_not_allowed");
  await using client = await EventStreamClient.connect(`${server.url}${PATH}`, {
    origin: "https://ci.example",
  });
  const { headers } = client.response;
  assertEquals(headers.get("access-control-allow-origin"), "https://ci.example");
  assertEquals(headers.get("vary"), "Cookie, Authorization, Origin");
});

Deno.test("EventStreams answers HEAD without a stream", async () => {
  await using server = await new ServerUnderTest().start();
  const response = await fetch(`${server.url}${PATH}`, { method: "HEAD" });
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(server.events.size, 0);
  assertEquals(server.connectionLimit.used, 0);
});

Deno.test("EventStreams counts its clients as listeners, and against the limit shared with /ws", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 2 }).start();
  await using socket = await WebSocketClient.connect(server.socketUrl);
  const stream = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  await waitUntil(() => server.activeClients.size === 2, "both are counted");
  assertEquals(server.events.size, 1);
  const refused = await fetch(`${server.url}${PATH}`);
  assertEquals(refused.status, 503);
  assertEquals(refused.headers.get("retry-after"), "30");
  assertEquals((await refused.json()).code, "too_many_connections");
  await assertRejects(() => WebSocketClient.connect(server.socketUrl), Error, "Closed");
  await stream[Symbol.asyncDispose]();
  await waitUntil(() => server.connectionLimit.used === 1, "there is room again");
  assertEquals(server.events.size, 0);
  assertEquals(server.activeClients.size, 1);
  assertEquals(socket.socket.readyState, WebSocket.OPEN);
  await using _next = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
});

Deno.test("EventStreams lets a client that does not read delay no other, and cuts it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  using slow = await RawWebSocket.connect(server.port, PATH);
  await waitUntil(() => server.events.size === 2, "both are there");
  await publishHuge(server, 20);
  assertEquals((await quick.nextSeqs(20)).at(-1), 20);
  assertEquals(server.events.size, 2);
  later = 30_000;
  await waitUntil(() => server.events.size === 1, "the slow one is cut");
  assertEquals(server.activeClients.size, 1);
  // Its connection is there until it has read what is under way.
  assertEquals(server.connectionLimit.used, 2);
  const rest = slow.readUntilEnd();
  await waitUntil(() => server.connectionLimit.used === 1, "it has read what was under way");
  await publish(server, 1);
  assertEquals(await quick.nextSeqs(1), [21]);
  await server.stop();
  await rest;
});

Deno.test("EventStreams keeps a client that reads slowly, but reads", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock, heartbeatMs: 20 }).start();
  await using client = await EventStreamClient.connectPastPreamble(
    `${server.url}${PATH}?topics=run`,
  );
  for (let round = 0; round < 3; round++) {
    await publishHuge(server, 1);
    assertEquals(await client.nextSeqs(1), [round + 1]);
    later += 40_000;
    assertMatch(await client.next() ?? "", /^: heartbeat/);
  }
  assertEquals(server.events.size, 1);
});

Deno.test("EventStreams ends a stream when events cannot be read, so that the client comes back", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  await using client = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  await publish(server, 1);
  assertEquals(await client.nextSeqs(1), [1]);
  const stored = await server.eventLog.append([aStatus()]);
  server.eventLog.error = new Error("gone away");
  server.feed.emit(stored);
  assertEquals(await client.next(), undefined);
  server.eventLog.error = undefined;
  await using back = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`, {
    "last-event-id": "1",
  });
  assertEquals(await back.nextSeqs(1), [2]);
});

Deno.test("Server ends every event stream when it stops, even of a client that does not read", async () => {
  const server = await new ServerUnderTest().start();
  await using client = await EventStreamClient.connectPastPreamble(`${server.url}${PATH}`);
  using mute = await RawWebSocket.connect(server.port, PATH);
  await publishHuge(server, 10);
  await client.nextSeqs(10);
  const end = client.next();
  await server.stop();
  assertEquals(await end, undefined);
  assertEquals(server.events.size, 0);
  assertEquals(server.activeClients.size, 0);
  mute[Symbol.dispose]();
  await waitUntil(() => server.connectionLimit.used === 0, "its connection has ended");
});
