import { assert, assertEquals, assertRejects } from "@std/assert";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { publishStatuses, readSeqs, subscribe } from "../../fakes/apps/stream_clients.ts";
import { RawRequest } from "../../fakes/clients/raw_request.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const UPGRADE = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Requests an upgrade over TCP, with headers that a WebSocket client cannot set. */
async function upgrade(server: ServerUnderTest, headers: Record<string, string> = {}) {
  using request = await RawRequest.get(server.port, "/ws", { ...UPGRADE, ...headers });
  return await request.readResponse();
}

Deno.test("WebSocketServer removes a client that disconnects, with or without a close frame", async () => {
  await using server = await new ServerUnderTest().start();
  const closing = await WebSocketClient.connect(server.socketUrl);
  const aborting = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 2, "both are subscribed");
  await closing.close();
  aborting[Symbol.dispose]();
  await waitUntil(() => server.activeClients.size === 0, "both have disconnected");
  assertEquals(server.connections.size, 0);
});

Deno.test("WebSocketServer closes a client that answers no heartbeat and removes it once", async () => {
  await using server = await new ServerUnderTest({ heartbeatSeconds: 1 }).start();
  await using responsive = await WebSocketClient.connect(server.socketUrl);
  using silent = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 2, "both are subscribed");
  await silent.readUntilEnd();
  await waitUntil(() => server.activeClients.size === 1, "the silent client is removed");
  // Deno reports such a close twice; the second report must not be counted.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(server.activeClients.size, 1);
  assertEquals(server.connections.size, 1);
  server.publishRun("still here");
  assertEquals(readTitle(await responsive.next()), "still here");
});

Deno.test("WebSocketServer responds to invalid frames of up to 64 KiB and stays open", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await subscribe(server, "");
  for (const invalid of ["", "{", "\u0000", '{"content":1}', "x".repeat(64 * 1024)]) {
    client.socket.send(invalid);
  }
  client.socket.send(new Uint8Array(64 * 1024));
  for (let each = 0; each < 6; each++) {
    assertEquals(JSON.parse(await client.next()).error.code, "invalid_message");
  }
  server.publishRun("next");
  assertEquals(readTitle(await client.next()), "next");
});

Deno.test("WebSocketServer closes with 1009 on frames above 64 KiB", async (t) => {
  await using server = await new ServerUnderTest().start();
  for (
    const [kind, frame] of [
      ["text", "x".repeat(64 * 1024 + 1)],
      ["text of two-byte characters", "é".repeat(32 * 1024 + 1)],
      ["bytes", new Uint8Array(64 * 1024 + 1)],
    ] as const
  ) {
    await t.step(kind, async () => {
      await using client = await WebSocketClient.connect(server.socketUrl);
      client.socket.send(frame);
      assertEquals(await withTimeout(client.closed, "the close"), {
        code: 1009,
        reason: "Frame too large: the limit is 65536 bytes",
      });
      assertEquals(server.connections.size, 0);
      assertEquals(server.activeClients.size, 0);
    });
  }
});

Deno.test("WebSocketServer responds to a plain GET with 426 and a problem", async () => {
  await using server = await new ServerUnderTest().start();
  const response = await fetch(`${server.url}/ws`);
  assertEquals(response.status, 426);
  assertEquals(response.headers.get("upgrade"), "websocket");
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assert(response.headers.get("x-request-id"));
  assertEquals(await response.json(), {
    title: "Upgrade required",
    status: 426,
    detail: "/ws only accepts WebSocket connections",
    code: "upgrade_required",
  });
});

Deno.test("WebSocketServer rejects invalid parameters", async (t) => {
  await using server = await new ServerUnderTest().start();
  for (
    const [query, detail] of [
      ["view=huge", 'Invalid view "huge": expected compact or full'],
      [
        "topics=runs,news",
        'Invalid topics "runs,news": expected a comma-separated list of runs, messages, or events',
      ],
      [
        "topics=events,",
        'Invalid topics "events,": expected a comma-separated list of runs, messages, or events',
      ],
      [
        "topics=run",
        'Invalid topics "run": expected a comma-separated list of runs, messages, or events',
      ],
      ["since=x", 'Invalid since "x": expected an integer from 0 to 9007199254740991'],
      ["since=-1", 'Invalid since "-1": expected an integer from 0 to 9007199254740991'],
      ["repository=octo", 'Invalid repository "octo": expected owner/name'],
      ["topics=events&batch=maybe", 'Invalid batch "maybe": expected true or false'],
      ["topics=events&batch=", 'Invalid batch "": expected true or false'],
      [
        "batch=true",
        'Invalid batch "true": expected false, or true with the topic "events"',
      ],
      [
        "topics=runs&batch=true",
        'Invalid batch "true": expected false, or true with the topic "events"',
      ],
    ]
  ) {
    await t.step(`?${query}`, async () => {
      const response = await fetch(`${server.url}/ws?${query}`, {
        headers: { upgrade: "websocket", connection: "Upgrade" },
      });
      assertEquals(response.status, 400);
      const problem = await response.json();
      assertEquals([problem.code, problem.detail], ["invalid_parameter", detail]);
    });
  }
  await using client = await subscribe(server, "topics=events&batch=false");
  await publishStatuses(server, 1);
  assertEquals(JSON.parse(await client.next()).seq, 1);
});

Deno.test("WebSocketServer checks the Origin of web pages", async (t) => {
  await using server = await new ServerUnderTest().start();
  const { port } = server;
  const own = `127.0.0.1:${port}`;
  for (
    const [headers, status] of [
      [{}, 101],
      [{ Origin: `http://${own}` }, 101],
      [{ Origin: `http://localhost:${port}`, Host: `localhost:${port}` }, 101],
      [{ Origin: "https://evil.example" }, 403],
      [{ Origin: "null" }, 403],
      [{ Origin: `http://127.0.0.1:${port + 1}` }, 403],
      // DNS rebinding: a name of the attacker that resolves to this machine.
      [{ Origin: `http://rebound.example:${port}`, Host: `rebound.example:${port}` }, 403],
    ] as const
  ) {
    await t.step(JSON.stringify(headers), async () => {
      assertEquals((await upgrade(server, headers)).status, status);
    });
  }
});

Deno.test("WebSocketServer rejects connections above its limit with 503 and Retry-After", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 2 }).start();
  await using _first = await WebSocketClient.connect(server.socketUrl);
  const second = await WebSocketClient.connect(server.socketUrl);
  const { status, headers, body } = await upgrade(server);
  assertEquals([status, headers.get("retry-after")], [503, "30"]);
  assertEquals(JSON.parse(body).code, "too_many_connections");
  assertEquals(JSON.parse(body).detail, "Too many connections: the limit is 2");
  await second.close();
  await waitUntil(() => server.connections.size === 1, "one client has disconnected");
  await using third = await WebSocketClient.connect(server.socketUrl);
  assertEquals(third.socket.readyState, WebSocket.OPEN);
});

Deno.test("WebSocketServer counts a closed but still connected client against its limit", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 1 }).start();
  using lingering = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 1, "the client is subscribed");
  await lingering.sendOversizedFrame();
  assertEquals((await lingering.readUntilClose()).code, 1009);
  assertEquals(server.connections.size, 0);
  assertEquals((await upgrade(server)).status, 503);
  lingering[Symbol.dispose]();
  await waitUntil(async () => (await upgrade(server)).status === 101, "a connection is accepted");
});

Deno.test("WebSocketServer rejects connections during shutdown", async () => {
  await using server = await new ServerUnderTest().start();
  server.connectionLimit.close();
  const { status, body } = await upgrade(server);
  assertEquals(status, 503);
  assertEquals(JSON.parse(body).code, "shutting_down");
});

Deno.test("Server closes every client with 1001 when it stops, even one that never responds", async () => {
  const server = await new ServerUnderTest().start();
  const clients = await Promise.all([1, 2, 3].map(() => WebSocketClient.connect(server.socketUrl)));
  using _silent = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 4, "all are subscribed");
  await server.stop();
  for (const client of clients) {
    assertEquals(await withTimeout(client.closed, "the close"), {
      code: 1001,
      reason: "Runwire is shutting down",
    });
  }
  assertEquals(server.connections.size, 0);
});

Deno.test("Server closes clients of snapshots and events with 1001 when it stops", async () => {
  const server = await new ServerUnderTest().start();
  const client = await subscribe(server, "topics=runs,events");
  await server.stop();
  assertEquals((await withTimeout(client.closed, "the close")).code, 1001);
  await assertRejects(() => WebSocketClient.connect(server.socketUrl), Error, "Closed");
  assertEquals(server.activeClients.size, 0);
});

Deno.test("Server closes clients of batches with 1001 when it stops during a batch window", async () => {
  const server = await new ServerUnderTest().start();
  const client = await subscribe(server, "topics=events&batch=true");
  await publishStatuses(server, 1);
  await readSeqs(client, 1);
  await publishStatuses(server, 1);
  await server.stop();
  assertEquals((await withTimeout(client.closed, "the close")).code, 1001);
  assertEquals(server.activeClients.size, 0);
});
