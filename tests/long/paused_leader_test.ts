import { assert, assertEquals, assertLess } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { sleep, waitUntil, withTimeout } from "../fakes/wait.ts";
import { REPOSITORY } from "../process/github.ts";
import { postgresQuery } from "../process/store_assertions.ts";
import { CLUSTER_KINDS, FAILOVER_TIMEOUT_MS, Instance, POLL_TIMEOUT_MS } from "./instance.ts";

const hasPostgres = await isPostgresAvailable();
/** Time for several polls, one every second, and for two attempts to acquire the lease, one every 2 s. */
const AFTER_PAUSE_MS = 5_000;

for (const { kind, ignore, environment } of CLUSTER_KINDS) {
  Deno.test({
    name:
      `An instance over ${kind} that was paused past its lease neither polls nor writes afterwards`,
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
      const listIds = async () =>
        (await query("select id from workflow_runs order by id")).map((row) =>
          Number(Object(row).id)
        );
      const waitForRun = (id: number) =>
        waitUntil(
          async () => (await listIds()).includes(id),
          `run ${id} is stored`,
          POLL_TIMEOUT_MS,
        );
      await waitForRun(501);

      // The response arrives during the pause, so A has it when it resumes.
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "Too late" });
      a.github.simulator.faults.add({ kind: "delay", ms: 2_000 }, { path: /runs\?/ });
      await withTimeout(a.github.responseDelayed, "a request from A");
      // A write that A begins when it resumes takes longer than A needs to see that its lease is lost.
      proxy.delay(150);
      const pausedAt = Date.now();
      a.kill("SIGSTOP");
      try {
        await waitUntil(() => b.requestTimes.length > 0, "B polls", FAILOVER_TIMEOUT_MS);
        assertLess((b.requestTimes[0] ?? Infinity) - pausedAt, FAILOVER_TIMEOUT_MS);
        await waitForRun(502);
      } finally {
        a.kill("SIGCONT");
      }
      const requestCount = a.requestTimes.length;
      const resumedAt = Date.now();
      await sleep(AFTER_PAUSE_MS);
      assertEquals(a.requestTimes.length, requestCount, "A polls after the pause");
      assert(b.requestTimes.some((at) => at > resumedAt), "B no longer polls");
      assert(!(await listIds()).includes(503), "A writes after the pause");
      const inOrder = await query("select event from events order by seq");
      const firstOfB = inOrder.findIndex((row) => JSON.stringify(row).includes("Seen by B"));
      assert(firstOfB > 0);
      const late = inOrder.slice(firstOfB).filter((row) =>
        /Seen by A|Too late/.test(JSON.stringify(row))
      );
      assertEquals(late, []);
      const alive = await fetch(`${a.url}/livez`);
      assertEquals([alive.status, await alive.json()], [200, { status: "alive" }]);
      assertLess(Math.max(...a.requestTimes), Math.min(...b.requestTimes));
    },
  });
}
