import { assertEquals, assertGreater } from "@std/assert";
import { sleep, waitUntil } from "../fakes/wait.ts";
import { fetchHealth, fetchStatus } from "../process/requests.ts";
import {
  assertOpen,
  canRunCluster,
  checkFor,
  responsesSince,
  SETTLE_MS,
  TestCluster,
  WARM_UP_MS,
} from "./test_cluster.ts";

/** Without SETTLE_MS: enough for MIN_REFUSALS, also on a busy machine. */
const OUTAGE_MS = 8_000;
/** Enough refused deliveries and WebSocket errors to see a different answer among them. */
const MIN_REFUSALS = 20;

Deno.test({
  name: "Two instances lose nothing during a PostgreSQL outage and report it",
  ignore: !canRunCluster,
  async fn() {
    await using cluster = await TestCluster.start(2);
    const { members } = cluster;
    await sleep(WARM_UP_MS);
    for (const { instance: { url } } of members) {
      assertEquals(await fetchStatus(`${url}/runs`), 200);
    }
    for (const { postgres } of members) postgres.disconnect();
    await sleep(SETTLE_MS);
    const began = Date.now();
    await checkFor(OUTAGE_MS, async () => {
      assertOpen(members);
      for (const { instance: { url } } of members) {
        assertEquals(await fetchHealth(url), [503, "unhealthy", { postgres: "down", redis: "up" }]);
        assertEquals(await fetchStatus(`${url}/livez`), 200);
        // The first page was requested before the outage, the second one never.
        assertEquals(await fetchStatus(`${url}/runs`), 200);
        assertEquals(await fetchStatus(`${url}/runs?page=2`), 503);
      }
    });
    for (const { instance } of members) {
      const client = await instance.connect();
      await waitUntil(() => client.frames.length > 0, "a new client receives a snapshot");
    }
    for (const member of members) {
      const { rejections, errors } = member.traffic;
      assertEquals(responsesSince(began, member), ["503,storage_unavailable,true"]);
      assertGreater(rejections.length, MIN_REFUSALS);
      for (const { status, code, retryAfter } of rejections) {
        assertEquals([status, code, Number(retryAfter) > 0], [503, "storage_unavailable", true]);
      }
      assertGreater(errors.length, MIN_REFUSALS);
      assertEquals(new Set(errors), new Set(["storage_unavailable"]));
    }
    for (const { postgres } of members) postgres.restore();
    await cluster.waitUntilHealthy();
    await sleep(WARM_UP_MS);
    await cluster.stopAndVerify();
  },
});
