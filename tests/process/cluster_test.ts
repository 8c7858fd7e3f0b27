import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import type { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { CLUSTER_KINDS, FAILOVER_TIMEOUT_MS, Instance, sleep } from "./instance.ts";
import { REPOSITORY } from "./github.ts";
import { postgresQuery } from "./store_assertions.ts";

const hasPostgres = await isPostgresAvailable();
/** A beat, and what may come late. */
const POLL_TIMEOUT_MS = 8_000;

function hasSnapshotWith(client: WebSocketClient, title: string): boolean {
  return client.frames.some((frame) => frame.startsWith('{"runs"') && frame.includes(title));
}

/** The numbers of the events that a client heard. */
function receivedSeqs(client: WebSocketClient): number[] {
  return client.frames.map((frame) => JSON.parse(frame).seq);
}

for (const { kind, ignore, environment } of CLUSTER_KINDS) {
  Deno.test({
    name:
      `Of two instances over ${kind} one polls, clients of both see it, and another follows within 15 s when it is killed`,
    ignore: !hasPostgres || ignore,
    async fn() {
      await using schema = await createTestSchema();
      await using a = new Instance();
      await using b = new Instance();
      a.github.world.addRun(REPOSITORY, { id: 501, display_title: "Seen by A" });
      b.github.world.addRun(REPOSITORY, { id: 502, display_title: "Seen by B" });
      await a.start(schema.url, environment);
      await waitUntil(() => a.output.includes("polls now"), "A holds the lease", POLL_TIMEOUT_MS);
      await b.start(schema.url, environment);
      // Nobody listens to the one that polls.
      const atB = await b.connect();
      await waitUntil(
        () => hasSnapshotWith(atB, "Seen by A"),
        "a client of B sees what A polls",
        POLL_TIMEOUT_MS,
      );
      const atA = await a.connect();
      await waitUntil(
        () => hasSnapshotWith(atA, "Seen by A"),
        "a client of A sees it, too",
        POLL_TIMEOUT_MS,
      );
      const [eventsA, eventsB] = [
        await a.connect("?topics=events"),
        await b.connect("?topics=events"),
      ];
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "News of A" });
      for (const client of [eventsA, eventsB]) {
        await waitUntil(
          () => client.frames.some((frame) => frame.includes("News of A")),
          "both hear of it",
          POLL_TIMEOUT_MS,
        );
      }
      await waitUntil(
        () => hasSnapshotWith(atB, "News of A"),
        "a client of B sees the news",
        POLL_TIMEOUT_MS,
      );
      assertEquals(receivedSeqs(eventsA), receivedSeqs(eventsB));
      const frames = atB.frames.length;
      await sleep(3_500);
      assertGreater(atB.frames.length, frames + 1, "a frame comes on every beat");
      assertEquals(b.requestTimes.length, 0);

      const killedAt = Date.now();
      a.kill("SIGKILL");
      await waitUntil(() => b.requestTimes.length > 0, "B polls", FAILOVER_TIMEOUT_MS);
      await waitUntil(
        () => hasSnapshotWith(atB, "Seen by B"),
        "a client of B sees what B polls",
        POLL_TIMEOUT_MS,
      );
      assertLess((b.requestTimes[0] ?? Infinity) - killedAt, FAILOVER_TIMEOUT_MS);
      assertLess(Math.max(...a.requestTimes), Math.min(...b.requestTimes));
    },
  });

  Deno.test({
    name: `An instance over ${kind} that was paused past its lease asks and writes nothing more`,
    ignore: !hasPostgres || ignore,
    async fn() {
      await using schema = await createTestSchema();
      await using a = new Instance();
      await using b = new Instance();
      a.github.world.addRun(REPOSITORY, { id: 501, display_title: "Seen by A" });
      b.github.world.addRun(REPOSITORY, { id: 502, display_title: "Seen by B" });
      await using proxy = TcpProxy.to(schema.url);
      await a.start(proxy.proxiedUrl(schema.url), { ...environment, POLL_WHEN: "always" });
      await waitUntil(() => a.requestTimes.length > 3, "A polls", POLL_TIMEOUT_MS);
      await b.start(schema.url, { ...environment, POLL_WHEN: "always" });
      const query = postgresQuery(schema.url);
      const ids = async () =>
        (await query("select id from workflow_runs order by id")).map((row) =>
          Number(Object(row).id)
        );
      await waitUntil(async () => (await ids()).includes(501), "A has written", POLL_TIMEOUT_MS);

      // Its answer comes while A is paused: A has it in hand when it goes on.
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "Too late" });
      a.github.simulator.faults.add({ kind: "delay", ms: 2_000 }, { path: /runs\?/ });
      await withTimeout(a.github.responseDelayed, "A to ask");
      // What it begins to write when it goes on lasts longer than to learn that it may not.
      proxy.delay(150);
      const pausedAt = Date.now();
      a.kill("SIGSTOP");
      try {
        await waitUntil(() => b.requestTimes.length > 0, "B polls", FAILOVER_TIMEOUT_MS);
        assertLess((b.requestTimes[0] ?? Infinity) - pausedAt, FAILOVER_TIMEOUT_MS);
        await waitUntil(async () => (await ids()).includes(502), "B has written", POLL_TIMEOUT_MS);
      } finally {
        a.kill("SIGCONT");
      }
      const requestCount = a.requestTimes.length;
      const goesOnAt = Date.now();
      await sleep(8_000);
      assertEquals(a.requestTimes.length, requestCount, "A asks nothing more");
      assert(b.requestTimes.some((at) => at > goesOnAt), "B goes on");
      assert(!(await ids()).includes(503), "A writes nothing more");
      const inOrder = await query("select event from events order by seq");
      const firstOfB = inOrder.findIndex((row) => JSON.stringify(row).includes("Seen by B"));
      assert(firstOfB > 0);
      const late = inOrder.slice(firstOfB).filter((row) =>
        /Seen by A|Too late/.test(JSON.stringify(row))
      );
      assertEquals(late, []);
      assertEquals(
        (await fetch(`${a.url}/livez`).then((answer) => answer.text())).length > 0,
        true,
      );
      assertLess(Math.max(...a.requestTimes), Math.min(...b.requestTimes));
    },
  });
}
