import { assertEquals } from "@std/assert";
import { ConnectionMetrics } from "../../../src/http/streams/connection_metrics.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { waitUntil } from "../../fakes/wait.ts";

Deno.test("ConnectionMetrics counts frames and their UTF-8 bytes, also of alternating frames", () => {
  const metrics = new ConnectionMetrics();
  for (const frame of ["häh", "häh", "no", "häh"]) metrics.countSent(frame);
  metrics.countReceived(7);
  assertEquals([metrics.framesSent, metrics.bytesSent], [4, 14]);
  assertEquals([metrics.framesReceived, metrics.bytesReceived], [1, 7]);
});

Deno.test("ConnectionMetrics counts closed connections by reason", () => {
  const metrics = new ConnectionMetrics();
  for (const code of [undefined, 1001, 1008, 1009, 1011, 1013, 1013, 4000]) {
    metrics.countClosed(code);
  }
  assertEquals(Object.fromEntries(metrics.closed), {
    left: 1,
    shutting_down: 1,
    not_allowed: 1,
    too_big: 1,
    error: 1,
    too_slow: 2,
    other: 1,
  });
});

Deno.test("WebSocketServer counts frames and each close once", async () => {
  const server = await new ServerUnderTest().start();
  await using _ = server;
  const { metrics } = server.connections;
  await using staying = await WebSocketClient.connect(server.socketUrl);
  await using leaving = await WebSocketClient.connect(server.socketUrl);
  server.publishRun("one");
  await staying.next();
  const frame = await leaving.next();
  assertEquals([metrics.framesSent, metrics.bytesSent], [2, 2 * frame.length]);
  staying.socket.send("hello");
  await waitUntil(() => metrics.framesReceived === 1, "a frame is counted");
  assertEquals(metrics.bytesReceived, 5);
  await leaving.close();
  await waitUntil(() => metrics.closed.get("left") === 1, "one client has disconnected");
  staying.socket.send("x".repeat(64 * 1024 + 1));
  await staying.closed;
  // The close handshake is complete.
  await waitUntil(() => server.connectionLimit.used === 0, "all connections are closed");
  assertEquals(Object.fromEntries(metrics.closed), { left: 1, too_big: 1 });
});

Deno.test("EventStreams counts events and closes", async () => {
  const server = await new ServerUnderTest().start();
  await using _ = server;
  const { metrics } = server.events;
  const response = await fetch(`${server.url}/api/v1/events`);
  await waitUntil(() => server.events.size === 1, "the stream is open");
  await server.feed.publish({
    type: "status",
    repository: null,
    data: { state: "polling", waiting_until: null },
  });
  await waitUntil(() => metrics.framesSent === 1, "an event is counted");
  await response.body?.cancel();
  await waitUntil(() => metrics.closed.get("left") === 1, "the client has disconnected");
});
