import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import type { WebSocketClient } from "../fakes/clients/websocket.ts";
import { sleep, waitUntil } from "../fakes/wait.ts";
import { REPOSITORY } from "../process/github.ts";
import { CLUSTER_KINDS, FAILOVER_TIMEOUT_MS, Instance, POLL_TIMEOUT_MS } from "./instance.ts";

const hasPostgres = await isPostgresAvailable();

async function waitForSnapshot(client: WebSocketClient, title: string): Promise<void> {
  await waitUntil(
    () => client.frames.some((frame) => frame.startsWith('{"runs"') && frame.includes(title)),
    `a snapshot shows "${title}"`,
    POLL_TIMEOUT_MS,
  );
}

function receivedSeqs(client: WebSocketClient): number[] {
  return client.frames.map((frame) => JSON.parse(frame).seq);
}

for (const { kind, ignore, environment } of CLUSTER_KINDS) {
  Deno.test({
    name:
      `One of two instances over ${kind} polls for the clients of both, and the other follows within 15 s when it is killed`,
    ignore: !hasPostgres || ignore,
    async fn() {
      await using schema = await createTestSchema();
      await using a = new Instance();
      await using b = new Instance();
      a.github.world.addRun(REPOSITORY, { id: 501, display_title: "Seen by A" });
      b.github.world.addRun(REPOSITORY, { id: 502, display_title: "Seen by B" });
      await a.start(schema.url, environment);
      await waitUntil(() => /Became leader/.test(a.output), "A is the leader", POLL_TIMEOUT_MS);
      await b.start(schema.url, environment);
      // The leader has no client.
      const atB = await b.connect();
      await waitForSnapshot(atB, "Seen by A");
      const atA = await a.connect();
      await waitForSnapshot(atA, "Seen by A");
      // Without Redis, B reads the events of A every 2 s; a client would get those it has not read yet.
      await sleep(2_500);
      const [eventsA, eventsB] = [
        await a.connect("?topics=events"),
        await b.connect("?topics=events"),
      ];
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "News of A" });
      for (const client of [eventsA, eventsB]) {
        await waitUntil(
          () => client.frames.some((frame) => frame.includes("News of A")),
          "both receive the event",
          POLL_TIMEOUT_MS,
        );
      }
      await waitForSnapshot(atB, "News of A");
      assertEquals(receivedSeqs(eventsA), receivedSeqs(eventsB));
      const frames = atB.frames.length;
      await sleep(3_500);
      assertGreater(atB.frames.length, frames + 1, "Every poll sends a frame");
      assertEquals(b.requestTimes.length, 0);

      const killedAt = Date.now();
      a.kill("SIGKILL");
      await waitUntil(() => b.requestTimes.length > 0, "B polls", FAILOVER_TIMEOUT_MS);
      await waitForSnapshot(atB, "Seen by B");
      assertLess((b.requestTimes[0] ?? Infinity) - killedAt, FAILOVER_TIMEOUT_MS);
      assertLess(Math.max(...a.requestTimes), Math.min(...b.requestTimes));
    },
  });
}
