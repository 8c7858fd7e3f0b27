import { assert, assertEquals } from "@std/assert";
import { sleep, waitUntil } from "../fakes/wait.ts";
import { REPOSITORY } from "../process/github.ts";
import { fetchHealth, fetchStatus } from "../process/requests.ts";
import {
  assertAllAccepted,
  assertOpen,
  canRunCluster,
  checkFor,
  requestsSince,
  SETTLE_MS,
  TestCluster,
  waitForAllMembers,
  waitForPolling,
  WARM_UP_MS,
} from "./test_cluster.ts";

/** The lease expires 10 s after its last renewal, and the timers of a busy machine are late. */
const LEASE_MS = 13_000;
/** After LEASE_MS there is time for several polls, which come every second. */
const OUTAGE_MS = LEASE_MS + 5_000;
/** How long an instance without Redis is watched after another one became the leader. */
const AFTER_FAILOVER_MS = 5_000;

const ignore = !canRunCluster;

Deno.test({
  name: "Two instances lose nothing during a Redis outage and accept everything",
  ignore,
  async fn() {
    await using cluster = await TestCluster.start(2);
    const { members } = cluster;
    await sleep(WARM_UP_MS);
    for (const { redis } of members) redis.disconnect();
    const began = Date.now();
    await sleep(SETTLE_MS);
    await checkFor(OUTAGE_MS - SETTLE_MS, async () => {
      assertOpen(members);
      for (const { instance: { url } } of members) {
        assertEquals(await fetchHealth(url), [503, "unhealthy", { postgres: "up", redis: "down" }]);
        for (const path of ["/api/v1/runs", "/api/v1/messages"]) {
          assertEquals(await fetchStatus(`${url}${path}`), 200);
        }
      }
    });
    assertAllAccepted(members, began);
    for (const member of members) {
      assertEquals(
        requestsSince(began + LEASE_MS, member),
        [],
        "No instance polls without a lease",
      );
    }
    await waitForAllMembers(members);
    const restored = Date.now();
    for (const { redis } of members) redis.restore();
    await cluster.waitUntilHealthy();
    await waitForPolling(members, restored);
    await cluster.stopAndVerify();
  },
});

Deno.test({
  name: "An instance cut off from Redis keeps serving while another instance polls",
  ignore,
  async fn() {
    await using cluster = await TestCluster.start(3);
    const { members } = cluster;
    const [first] = members;
    assert(first);
    const remaining = members.slice(1);
    await sleep(WARM_UP_MS);
    // No connection is refused, and no byte arrives.
    first.redis.blackhole();
    const began = Date.now();
    await waitForPolling(remaining, began);
    const title = "Seen by the new leader";
    for (const { instance: { github } } of remaining) {
      github.world.addRun(REPOSITORY, { id: 777, display_title: title });
    }
    for (const { events } of members) {
      const isReceived = () => events.frames.some((frame) => frame.includes(title));
      await waitUntil(isReceived, "all clients receive the run, also those without Redis");
    }
    await checkFor(AFTER_FAILOVER_MS, async () => {
      assertOpen(members);
      const redisDown = { postgres: "up", redis: "down" };
      assertEquals(await fetchHealth(first.instance.url), [503, "unhealthy", redisDown]);
      for (const { instance } of remaining) assertEquals((await fetchHealth(instance.url))[0], 200);
    });
    const requestTimes = remaining.flatMap((member) => requestsSince(began, member));
    assertEquals(requestsSince(Math.min(...requestTimes), first), [], "The old leader polls");
    assertAllAccepted(members, began);
    await waitForAllMembers(members);
    first.redis.restore();
    await cluster.waitUntilHealthy();
    await cluster.stopAndVerify();
  },
});
