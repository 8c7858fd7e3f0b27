import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { toRunEvent } from "../../../src/run/event.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { EventStreamClient } from "../../fakes/clients/event_stream.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { aStatus } from "../../fakes/stores/event_log.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";
import {
  publishHugeRuns,
  publishStatuses,
  range,
  subscribeToStream,
} from "../../fakes/apps/stream_clients.ts";
import { OffsetClock } from "../../fakes/clock.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil } from "../../fakes/wait.ts";

const PATH = "/api/v1/events";

Deno.test("EventStreams sends every event immediately, in exactly these bytes", async () => {
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

Deno.test("EventStreams sends heartbeats between events", async () => {
  await using server = await new ServerUnderTest({ heartbeatMs: 20 }).start();
  await using client = await subscribeToStream(server);
  assertEquals(await client.next(), ": heartbeat");
  assertEquals(await client.next(), ": heartbeat");
  await publishStatuses(server, 1);
  let block = await client.next();
  while (block === ": heartbeat") block = await client.next();
  assertMatch(block ?? "", /^event:status\n/);
});

Deno.test("EventStreams sends the sequence number of filtered events with a heartbeat", async () => {
  await using server = await new ServerUnderTest({ heartbeatMs: 20 }).start();
  await using client = await subscribeToStream(server, "?topics=run");
  await publishStatuses(server, 3);
  let block = await client.next();
  while (block === ": heartbeat") block = await client.next();
  assertEquals(block, ": heartbeat\nid:3");
  assertEquals(await client.next(), ": heartbeat");
});

Deno.test("EventStreams resumes after Last-Event-ID, which takes precedence over since", async () => {
  await using server = await new ServerUnderTest().start();
  await using _ready = await subscribeToStream(server);
  await publishStatuses(server, 5);
  await using since = await subscribeToStream(server, "?since=1");
  await using header = await subscribeToStream(server, "?since=1", { "last-event-id": "3" });
  await using empty = await subscribeToStream(server, "?since=1", { "last-event-id": "" });
  await publishStatuses(server, 1);
  assertEquals(await since.nextSeqs(5), [2, 3, 4, 5, 6]);
  assertEquals(await header.nextSeqs(3), [4, 5, 6]);
  assertEquals(await empty.nextSeqs(5), [2, 3, 4, 5, 6]);
});

Deno.test("EventStreams sends every event once across reconnects", async () => {
  await using server = await new ServerUnderTest({ feed: { pageSize: 3 } }).start();
  const publishing = (async () => {
    for (let i = 0; i < 60; i++) {
      await publishStatuses(server, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const seqs: number[] = [];
  while (seqs.length < 60) {
    const headers = { "last-event-id": String(seqs.at(-1) ?? 0) };
    await using client = await subscribeToStream(server, "", headers);
    seqs.push(...await client.nextSeqs(Math.min(7, 60 - seqs.length)));
  }
  await publishing;
  assertEquals(seqs, range(1, 60));
  await waitUntil(() => server.events.size === 0, "all have disconnected");
});

Deno.test("EventStreams reports a gap, sends the full snapshot, and continues after it", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  server.current = new Snapshot([aRun()], 0);
  await using _ready = await subscribeToStream(server);
  await publishStatuses(server, 5);
  await server.eventLog.prune({ before: 0, count: 2 });
  await using client = await subscribeToStream(server, "?since=2");
  assertEquals(await client.next(), 'event:gap\ndata:{"since":2,"first":4,"last":5}');
  assertEquals(
    await client.next(),
    `event:snapshot\ndata:${server.current.encode("full", "all")}\nid:5`,
  );
  await publishStatuses(server, 1);
  assertEquals(await client.nextSeqs(1), [6]);
  await using reconnected = await subscribeToStream(server, "", {
    "last-event-id": "5",
  });
  assertEquals(await reconnected.nextSeqs(1), [6]);
});

Deno.test("EventStreams sends the sequence number after a gap when no snapshot exists", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribeToStream(server, "?since=7");
  assertEquals(await client.next(), 'event:gap\ndata:{"since":7,"first":1,"last":0}');
  assertEquals(await client.next(), "id:0");
  await publishStatuses(server, 1);
  assertEquals(await client.nextSeqs(1), [1]);
});

Deno.test("EventStreams sends only the requested topics and repository", async () => {
  await using server = await new ServerUnderTest().start();
  await using statuses = await subscribeToStream(server, "?topics=status");
  await using both = await subscribeToStream(server, "?topics=status,run");
  await using ofA = await subscribeToStream(server, "?topics=run&repository=Octo/A");
  await server.feed.publish(toRunEvent(aRun({ repository: "octo/a" })));
  await server.feed.publish(toRunEvent(aRun({ repository: "octo/b" })));
  await server.feed.publish(aStatus());
  await server.feed.publish(toRunEvent(aRun({ repository: "octo/a" })));
  assertEquals(await statuses.nextSeqs(1), [3]);
  assertEquals(await both.nextSeqs(4), [1, 2, 3, 4]);
  assertEquals(await ofA.nextSeqs(2), [1, 4]);
});

Deno.test("EventStreams rejects invalid parameters", async () => {
  await using server = await new ServerUnderTest().start();
  const topics = "a comma-separated list of run, repository, message, or status";
  for (
    const [query, detail, id] of [
      ["since=-1", 'Invalid since "-1": expected an integer from 0 to 9007199254740991'],
      [
        "since=99999999999999999999",
        'Invalid since "99999999999999999999": expected an integer from 0 to 9007199254740991',
      ],
      ["topics=run,news", `Invalid topics "run,news": expected ${topics}`],
      ["topics=", `Invalid topics "": expected ${topics}`],
      ["repository=octo", 'Invalid repository "octo": expected owner/name'],
      ["sinze=1", 'Unknown parameter "sinze": expected topics, since, repository, or ticket'],
      ["", 'Invalid Last-Event-ID "x": expected an integer from 0 to 9007199254740991', "x"],
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

Deno.test("EventStreams accepts only pages of allowed origins and lets them read", async () => {
  const origins = { allowed: ["https://ci.example"], hosts: ["127.0.0.1"] };
  await using server = await new ServerUnderTest({ origins }).start();
  const rejected = await fetch(`${server.url}${PATH}`, {
    headers: { origin: "https://evil.example" },
  });
  assertEquals(rejected.status, 403);
  assertEquals((await rejected.json()).code, "origin_not_allowed");
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

Deno.test("EventStreams counts its clients as active and against the limit shared with /ws", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 2 }).start();
  await using socket = await WebSocketClient.connect(server.socketUrl);
  const stream = await subscribeToStream(server);
  await waitUntil(() => server.activeClients.size === 2, "both are counted");
  assertEquals(server.events.size, 1);
  const rejected = await fetch(`${server.url}${PATH}`);
  assertEquals(rejected.status, 503);
  assertEquals(rejected.headers.get("retry-after"), "30");
  assertEquals((await rejected.json()).code, "too_many_connections");
  await assertRejects(() => WebSocketClient.connect(server.socketUrl), Error, "Closed");
  await stream[Symbol.asyncDispose]();
  await waitUntil(() => server.connectionLimit.used === 1, "the connection has ended");
  assertEquals(server.events.size, 0);
  assertEquals(server.activeClients.size, 1);
  assertEquals(socket.socket.readyState, WebSocket.OPEN);
  await using _next = await subscribeToStream(server);
});

Deno.test("EventStreams closes a slow client without delaying other clients", async () => {
  const clock = new OffsetClock();
  await using server = await new ServerUnderTest({ clock }).start();
  await using fast = await subscribeToStream(server);
  using slow = await RawWebSocket.connect(server.port, PATH);
  await waitUntil(() => server.events.size === 2, "both are connected");
  await publishHugeRuns(server, 20);
  assertEquals((await fast.nextSeqs(20)).at(-1), 20);
  assertEquals(server.events.size, 2);
  clock.advance(30_000);
  await waitUntil(() => server.events.size === 1, "the slow stream is ended");
  assertEquals(server.activeClients.size, 1);
  // Its connection stays open until it has read the buffered data.
  assertEquals(server.connectionLimit.used, 2);
  const rest = slow.readUntilEnd();
  await waitUntil(() => server.connectionLimit.used === 1, "the buffered data has been read");
  await publishStatuses(server, 1);
  assertEquals(await fast.nextSeqs(1), [21]);
  await server.stop();
  await rest;
});

Deno.test("EventStreams does not close a client that reads slowly", async () => {
  const clock = new OffsetClock();
  await using server = await new ServerUnderTest({ clock, heartbeatMs: 20 }).start();
  await using client = await subscribeToStream(server, "?topics=run");
  for (let round = 0; round < 3; round++) {
    await publishHugeRuns(server, 1);
    assertEquals(await client.nextSeqs(1), [round + 1]);
    clock.advance(40_000);
    assertMatch(await client.next() ?? "", /^: heartbeat/);
  }
  assertEquals(server.events.size, 1);
});

Deno.test("EventStreams ends a stream when it cannot read events, and the client resumes", async () => {
  const feed = { replayLimits: { events: 0, characters: 0 } };
  await using server = await new ServerUnderTest({ feed }).start();
  await using client = await subscribeToStream(server);
  await publishStatuses(server, 1);
  assertEquals(await client.nextSeqs(1), [1]);
  const stored = await server.eventLog.append([aStatus()]);
  server.eventLog.error = new Error("connection lost");
  server.feed.emit(stored);
  assertEquals(await client.next(), undefined);
  server.eventLog.error = undefined;
  await using reconnected = await subscribeToStream(server, "", {
    "last-event-id": "1",
  });
  assertEquals(await reconnected.nextSeqs(1), [2]);
});

Deno.test("Server ends every event stream when it stops, even if a client does not read", async () => {
  const server = await new ServerUnderTest().start();
  await using client = await subscribeToStream(server);
  using silent = await RawWebSocket.connect(server.port, PATH);
  await publishHugeRuns(server, 10);
  await client.nextSeqs(10);
  const end = client.next();
  await server.stop();
  assertEquals(await end, undefined);
  assertEquals(server.events.size, 0);
  assertEquals(server.activeClients.size, 0);
  silent[Symbol.dispose]();
  await waitUntil(() => server.connectionLimit.used === 0, "the connection has ended");
});
