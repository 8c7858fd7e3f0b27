import { assertEquals } from "@std/assert";
import { Snapshot } from "../../../src/run/snapshot.ts";
import { readTitle, ServerUnderTest } from "../../fakes/apps/server.ts";
import { publishStatuses, readSeqs, subscribe } from "../../fakes/apps/stream_clients.ts";
import { WebSocketClient } from "../../fakes/clients/websocket.ts";
import { aRun } from "../../fakes/stores/github.ts";

Deno.test("WebSocketServer sends the same bytes to every client of a view", async () => {
  await using server = await new ServerUnderTest().start();
  await using a = await subscribe(server, "");
  await using b = await subscribe(server, "");
  await using full = await subscribe(server, "view=full&topics=runs");
  server.publishRun("one");
  const frame = await a.next();
  assertEquals(await b.next(), frame);
  assertEquals(readTitle(frame), "one");
  assertEquals(Object.keys(JSON.parse(await full.next()).runs[0]).length, 15);
});

Deno.test("WebSocketServer sends the current snapshot to a new client", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "latest" })], 0);
  await using client = await WebSocketClient.connect(server.socketUrl);
  assertEquals(readTitle(await client.next()), "latest");
});

Deno.test("WebSocketServer sends snapshots and events on one socket", async () => {
  await using server = await new ServerUnderTest().start();
  server.current = new Snapshot([aRun({ displayTitle: "now" })], 0);
  await using client = await subscribe(server, "topics=runs,events");
  assertEquals(readTitle(await client.next()), "now");
  await publishStatuses(server, 1);
  assertEquals(await readSeqs(client, 1), [1]);
  server.publishRun("next");
  assertEquals(readTitle(await client.next()), "next");
});
