import { assert, assertEquals, assertGreater } from "@std/assert";
import { sleep } from "../fakes/wait.ts";
import { ResumingClient } from "./resuming_client.ts";
import {
  assertAllAccepted,
  assertNoSeqGaps,
  canRunCluster,
  messageContents,
  TestCluster,
  waitForLastMessage,
  waitForPolling,
  WARM_UP_MS,
} from "./test_cluster.ts";

Deno.test({
  name: "Three instances lose nothing when the leader is killed and its clients reconnect",
  ignore: !canRunCluster,
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
    await waitForPolling(remaining, began);
    assertAllAccepted(remaining, began);
    const stored = await cluster.stopAndVerify(remaining);
    await waitForLastMessage(client, stored);
    assertEquals(client.connections, 2);
    assertEquals(messageContents(client), stored.slice(-messageContents(client).length));
    assertNoSeqGaps(client);
  },
});
