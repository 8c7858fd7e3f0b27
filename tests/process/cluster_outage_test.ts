import { assert, assertEquals, assertGreater } from "@std/assert";
import { waitUntil } from "../fakes/wait.ts";
import { REPOSITORY } from "./github.ts";
import { fetchHealth, fetchStatus } from "./requests.ts";
import { FAILOVER_TIMEOUT_MS, sleep } from "./instance.ts";
import {
  assertNoSeqGaps,
  canRunCluster,
  type ClusterMember,
  isOpen,
  messageContents,
  TestCluster,
  waitForAllMembers,
} from "./test_cluster.ts";
import { ResumingClient } from "./resuming_client.ts";

const OUTAGE_MS = 30_000;
/** What was on its way when the trouble began is answered by then, one way or the other. */
const SETTLE_MS = 3_000;
const WARM_UP_MS = 2_000;
/** A lease lasts so long without its holder; and what may come late. */
const LEASE_MS = 13_000;

const ignore = !canRunCluster;

/** Asks again and again, while the trouble goes on, whether those who stay still have what they had. */
async function checkFor(ms: number, check: () => Promise<void>): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    await check();
    await sleep(500);
  }
}

function assertOpen(members: readonly ClusterMember[]): void {
  for (const { messages, events } of members) assert(isOpen(messages) && isOpen(events));
}

/** What was posted from then on, and what it was answered. */
function responsesSince(from: number, { traffic }: ClusterMember): string[] {
  const answers = traffic.postedSince(from).map(({ status, code, retryAfter }) =>
    [status, code, Number(retryAfter) > 0].join()
  );
  assertGreater(answers.length, 20);
  return [...new Set(answers)];
}

function requestsSince(from: number, { instance }: ClusterMember): number[] {
  return instance.requestTimes.filter((at) => at > from);
}

Deno.test({
  name: "Two instances lose nothing while Redis is away for 30 s, and take all that is sent",
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
    for (const member of members) {
      assertEquals(responsesSince(began, member), ["201,,false"]);
      assertEquals([member.traffic.rejections, member.traffic.errors], [[], []]);
      assertEquals(
        requestsSince(began + LEASE_MS, member),
        [],
        "Nobody polls: nobody can say who may",
      );
    }
    await waitForAllMembers(members);
    const healed = Date.now();
    for (const { redis } of members) redis.restore();
    await cluster.waitUntilHealthy();
    const isPolled = () => members.some((member) => requestsSince(healed, member).length > 0);
    await waitUntil(isPolled, "one polls again", FAILOVER_TIMEOUT_MS);
    await cluster.stopAndVerify();
  },
});

Deno.test({
  name: "Two instances lose nothing while PostgreSQL is away for 30 s, and say so",
  ignore,
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
    await checkFor(OUTAGE_MS - SETTLE_MS, async () => {
      assertOpen(members);
      for (const { instance: { url } } of members) {
        assertEquals(await fetchHealth(url), [503, "unhealthy", { postgres: "down", redis: "up" }]);
        assertEquals(await fetchStatus(`${url}/livez`), 200);
        // What was answered before, and what was never asked for.
        assertEquals(await fetchStatus(`${url}/runs`), 200);
        assertEquals(await fetchStatus(`${url}/runs?page=2`), 503);
      }
    });
    for (const { instance } of members) {
      const client = await instance.connect();
      await waitUntil(() => client.frames.length > 0, "a client that comes sees runs");
    }
    for (const member of members) {
      const { rejections: refusals, errors } = member.traffic;
      assertEquals(responsesSince(began, member), ["503,storage_unavailable,true"]);
      assertGreater(refusals.length, 20);
      for (const { status, code, retryAfter } of refusals) {
        assertEquals([status, code, Number(retryAfter) > 0], [503, "storage_unavailable", true]);
      }
      assertGreater(errors.length, 20);
      assertEquals(new Set(errors), new Set(["storage_unavailable"]));
    }
    for (const { postgres } of members) postgres.restore();
    await cluster.waitUntilHealthy();
    await sleep(WARM_UP_MS);
    await cluster.stopAndVerify();
  },
});

Deno.test({
  name: "An instance that is cut off from Redis alone goes on, and another one polls",
  ignore,
  async fn() {
    await using cluster = await TestCluster.start(3);
    const { members } = cluster;
    const [first] = members;
    assert(first);
    const remaining = members.slice(1);
    await sleep(WARM_UP_MS);
    // Nobody hears of it: nothing is refused, and nothing comes any more.
    first.redis.blackhole();
    const began = Date.now();
    const isPolled = () => remaining.some((member) => requestsSince(began, member).length > 0);
    await waitUntil(isPolled, "another one polls", FAILOVER_TIMEOUT_MS);
    const title = "Seen by one that polls";
    for (const { instance: { github } } of remaining) {
      github.world.addRun(REPOSITORY, { id: 777, display_title: title });
    }
    for (const { events } of members) {
      const isReceived = () => events.frames.some((frame) => frame.includes(title));
      await waitUntil(isReceived, "all hear of it, also where Redis is away");
    }
    await checkFor(began + OUTAGE_MS - Date.now(), async () => {
      assertOpen(members);
      const redisDown = { postgres: "up", redis: "down" };
      assertEquals(await fetchHealth(first.instance.url), [503, "unhealthy", redisDown]);
      for (const { instance } of remaining) assertEquals((await fetchHealth(instance.url))[0], 200);
    });
    const requestTimes = remaining.flatMap((member) => requestsSince(began, member));
    assertEquals(requestsSince(Math.min(...requestTimes), first), [], "The first one asks no more");
    for (const member of members) {
      assertEquals(responsesSince(began, member), ["201,,false"]);
      assertEquals([member.traffic.rejections, member.traffic.errors], [[], []]);
    }
    await waitForAllMembers(members);
    first.redis.restore();
    await cluster.waitUntilHealthy();
    await cluster.stopAndVerify();
  },
});

Deno.test({
  name: "Nothing is lost when the instance that polls is killed, and its clients go on at others",
  ignore,
  async fn() {
    await using cluster = await TestCluster.start(3);
    const { members } = cluster;
    const [killed] = members;
    assert(killed);
    const remaining = members.slice(1);
    const urls = members.map(({ instance }) => instance.url);
    await using client = new ResumingClient(urls);
    await sleep(WARM_UP_MS);
    assertGreater(messageContents(client).length, 0);
    killed.instance.kill("SIGKILL");
    const began = Date.now();
    const isPolled = () => remaining.some((member) => requestsSince(began, member).length > 0);
    await waitUntil(isPolled, "another one polls", FAILOVER_TIMEOUT_MS);
    for (const member of remaining) {
      assertEquals(responsesSince(began, member), ["201,,false"]);
      assertEquals([member.traffic.rejections, member.traffic.errors], [[], []]);
    }
    const stored = await cluster.stopAndVerify(remaining);
    await waitUntil(() => messageContents(client).at(-1) === stored.at(-1), "all is heard");
    assertEquals(client.connections, 2);
    assertEquals(messageContents(client), stored.slice(-messageContents(client).length));
    assertNoSeqGaps(client);
  },
});
