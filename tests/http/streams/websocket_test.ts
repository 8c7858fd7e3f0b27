import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../src/clock.ts";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { RawWebSocket } from "../../fakes/clients/raw_websocket.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../../fakes/wait.ts";

const UPGRADE = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Asks for a WebSocket over plain HTTP, with headers that a WebSocket client would not let us set. */
async function ask(server: ServerUnderTest, path: string, headers: Record<string, string> = {}) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const lines = Object.entries({ host: `127.0.0.1:${server.port}`, ...UPGRADE, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  await connection.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`),
  );
  const buffer = new Uint8Array(8 * 1024);
  const count = await withTimeout(connection.read(buffer), "an answer");
  connection.close();
  const text = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
}

Deno.test("Connections sends the same bytes to every client of a view", async () => {
  await using server = await new ServerUnderTest().start();
  await using a = await WebSocketClient.connect(server.socketUrl);
  await using b = await WebSocketClient.connect(server.socketUrl);
  await using full = await WebSocketClient.connect(`${server.socketUrl}?view=full&topics=runs`);
  await waitUntil(() => server.activeClients.size === 3, "all have joined");
  server.publishRun("one");
  const frame = await a.next();
  assertEquals(await b.next(), frame);
  assertEquals(readTitle(frame), "one");
  assertEquals(Object.keys(JSON.parse(await full.next()).runs[0]).length, 15);
});

Deno.test("Connections greets a new client with the current snapshot", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "latest" })], 0);
  await using client = await WebSocketClient.connect(server.socketUrl);
  assertEquals(readTitle(await client.next()), "latest");
});

Deno.test("Connections forgets a client that leaves, in good manners or not", async () => {
  await using server = await new ServerUnderTest().start();
  const polite = await WebSocketClient.connect(server.socketUrl);
  const rude = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 2, "both have joined");
  await polite.close();
  rude[Symbol.dispose]();
  await waitUntil(() => server.activeClients.size === 0, "both have left");
  assertEquals(server.connections.size, 0);
});

Deno.test("Connections closes a client that answers no heartbeat, and counts it once", async () => {
  await using server = await new ServerUnderTest({ heartbeatSeconds: 1 }).start();
  await using lively = await WebSocketClient.connect(server.socketUrl);
  using mute = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 2, "both have joined");
  await mute.readUntilEnd();
  await waitUntil(() => server.activeClients.size === 1, "the mute one is forgotten");
  // Deno tells of such an end twice: give the second time to come, then see that only one was counted.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(server.activeClients.size, 1);
  assertEquals(server.connections.size, 1);
  server.publishRun("still here");
  assertEquals(readTitle(await lively.next()), "still here");
});

Deno.test("Connections answers whatever a client says, up to 64 KiB", async () => {
  await using server = await new ServerUnderTest().start();
  await using client = await WebSocketClient.connect(server.socketUrl);
  await waitUntil(() => server.activeClients.size === 1, "it has joined");
  for (const nonsense of ["", "{", "\u0000", '{"content":1}', "x".repeat(64 * 1024)]) {
    client.socket.send(nonsense);
  }
  client.socket.send(new Uint8Array(64 * 1024));
  for (let each = 0; each < 6; each++) {
    assertEquals(JSON.parse(await client.next()).error.code, "invalid_message");
  }
  server.publishRun("on we go");
  assertEquals(readTitle(await client.next()), "on we go");
});

for (
  const [kind, frame] of [
    ["text", "x".repeat(64 * 1024 + 1)],
    ["text of wide characters", "é".repeat(32 * 1024 + 1)],
    ["bytes", new Uint8Array(64 * 1024 + 1)],
  ] as const
) {
  Deno.test(`Connections closes with 1009 on more than 64 KiB of ${kind}`, async () => {
    await using server = await new ServerUnderTest().start();
    await using client = await WebSocketClient.connect(server.socketUrl);
    client.socket.send(frame);
    assertEquals((await withTimeout(client.closed, "the end")).code, 1009);
    assertEquals(server.connections.size, 0);
    assertEquals(server.activeClients.size, 0);
  });
}

Deno.test("Connections answers a plain GET with 426 and a problem", async () => {
  await using server = await new ServerUnderTest().start();
  const response = await fetch(`${server.url}/ws`);
  assertEquals(response.status, 426);
  assertEquals(response.headers.get("upgrade"), "websocket");
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assert(response.headers.get("x-request-id"));
  assertEquals(await response.json(), {
    title: "Upgrade required",
    status: 426,
    detail: "Cannot answer a plain request on /ws: open a WebSocket here",
    code: "upgrade_required",
  });
});

Deno.test("Connections names a wrong parameter and what is allowed", async () => {
  await using server = await new ServerUnderTest().start();
  for (
    const [query, detail] of [
      ["view=huge", 'Cannot use view="huge": allowed is compact, full'],
      ["topics=runs,news", 'Cannot use topics="news": allowed is runs, messages, events'],
    ]
  ) {
    const { status, body } = await ask(server, `/ws?${query}`);
    assertEquals(status, 400);
    assertEquals(JSON.parse(body).detail, detail);
  }
});

Deno.test("Connections checks the Origin of web pages", async () => {
  await using server = await new ServerUnderTest().start();
  const { port } = server;
  const own = `127.0.0.1:${port}`;
  for (
    const [headers, status] of [
      [{}, 101],
      [{ origin: `http://${own}` }, 101],
      [{ origin: `http://localhost:${port}`, host: `localhost:${port}` }, 101],
      [{ origin: "https://evil.example" }, 403],
      [{ origin: "null" }, 403],
      [{ origin: `http://127.0.0.1:${port + 1}` }, 403],
      // A name of the attacker's that was made to point at this machine.
      [{ origin: `http://rebound.example:${port}`, host: `rebound.example:${port}` }, 403],
    ] as const
  ) {
    assertEquals((await ask(server, "/ws", headers)).status, status, JSON.stringify(headers));
  }
});

Deno.test("Connections refuses more than its limit with 503 and Retry-After", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 2 }).start();
  await using _a = await WebSocketClient.connect(server.socketUrl);
  const b = await WebSocketClient.connect(server.socketUrl);
  const { status, head, body } = await ask(server, "/ws");
  assertEquals(status, 503);
  assertStringIncludes(head, "retry-after: 30");
  assertEquals(JSON.parse(body).code, "too_many_connections");
  await b.close();
  await waitUntil(() => server.connections.size === 1, "one has left");
  await using c = await WebSocketClient.connect(server.socketUrl);
  assertEquals(c.socket.readyState, WebSocket.OPEN);
});

Deno.test("Connections lets a client that does not read delay no other, and closes it", async () => {
  let later = 0;
  const clock = { ...systemClock, now: () => Date.now() + later };
  await using server = await new ServerUnderTest({ clock }).start();
  await using quick = await WebSocketClient.connect(server.socketUrl);
  using slow = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 2, "both have joined");
  const padding = "x".repeat(1024 * 1024);
  for (let number = 0; number < 20; number++) {
    server.publishRun(`${number} ${padding}`);
    assertEquals(readTitle(await quick.next()).split(" ")[0], String(number));
  }
  assertEquals(server.connections.size, 2);
  later = 30_000;
  await waitUntil(() => server.connections.size === 1, "the slow one is closed");
  assertEquals(server.activeClients.size, 1);
  const { code, frames } = await slow.readUntilClose();
  assertEquals(code, 1013);
  // It was sent what the kernel took, and one frame more; the others were never queued.
  assert(frames.length < 15, `${frames.length} frames`);
});

Deno.test("Connections sends a client that was behind the latest snapshot alone", async () => {
  await using server = await new ServerUnderTest().start();
  using slow = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 1, "it has joined");
  const padding = "x".repeat(1024 * 1024);
  for (let number = 0; number < 20; number++) server.publishRun(`${number} ${padding}`);
  server.publishRun("the latest");
  const read = slow.readUntilClose();
  await waitUntil(() => server.connections.size === 1, "nothing has closed");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await server.stop();
  const { code, frames } = await read;
  assertEquals(code, 1001);
  assert(frames.length < 15, `${frames.length} frames`);
  assert((frames.at(-1) ?? 0) < 1_000, "the last frame is the latest snapshot");
});

Deno.test("Connections counts a client that was closed, but clings on, against its limit", async () => {
  await using server = await new ServerUnderTest({ maxConnections: 1 }).start();
  using clinging = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 1, "it has joined");
  await clinging.sendOversizedFrame();
  assertEquals((await clinging.readUntilClose()).code, 1009);
  assertEquals(server.connections.size, 0);
  assertEquals((await ask(server, "/ws")).status, 503);
  clinging[Symbol.dispose]();
  await waitUntil(async () => (await ask(server, "/ws")).status === 101, "there is room again");
});

Deno.test("Connections takes no client while Runwire stops", async () => {
  await using server = await new ServerUnderTest().start();
  server.connectionLimit.close();
  const { status, body } = await ask(server, "/ws");
  assertEquals(status, 503);
  assertEquals(JSON.parse(body).code, "shutting_down");
});

Deno.test("Server says 1001 to every client when it stops, even to one that never answers", async () => {
  const server = await new ServerUnderTest().start();
  const clients = await Promise.all([1, 2, 3].map(() => WebSocketClient.connect(server.socketUrl)));
  using _mute = await RawWebSocket.connect(server.port);
  await waitUntil(() => server.activeClients.size === 4, "all have joined");
  await server.stop();
  for (const client of clients) {
    assertEquals(await withTimeout(client.closed, "the end"), {
      code: 1001,
      reason: "Runwire is stopping",
    });
  }
  assertEquals(server.connections.size, 0);
});
