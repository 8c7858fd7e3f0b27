import { assertEquals, assertGreater } from "@std/assert";
import { seededRandom } from "../../src/simulator/world/random.ts";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { Program } from "../fakes/program.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { fetchHealth, fetchStatus } from "../process/requests.ts";
import { sleep, waitUntil, withTimeout } from "../fakes/wait.ts";
import { SimulatedGitHub } from "../process/github.ts";
import { assertNothingLost, postgresQuery, waitUntilDrained } from "../process/store_assertions.ts";
import { createRunDeliveries } from "../process/run_deliveries.ts";
import { WEBHOOK_ENVIRONMENT, WebhookSender } from "../process/webhook_sender.ts";

const BEFORE = 200;
const AFTER = 200;
/** Enough deliveries to send some at every moment of the outage. */
const DELIVERIES = 600;

const OUTAGE_MS = 5_000;
const SEND_TIMEOUT_MS = 30_000;
const OUTAGES = [
  { what: "refuses connections", begin: (proxy: TcpProxy) => proxy.disconnect() },
  { what: "is unreachable behind a silent network", begin: (proxy: TcpProxy) => proxy.blackhole() },
];

const ignore = !await isPostgresAvailable();

for (const { what, begin } of OUTAGES) {
  Deno.test({
    name: `runwire serve loses nothing while PostgreSQL ${what}, and recovers by itself`,
    ignore,
    async fn() {
      await using github = new SimulatedGitHub();
      await using schema = await createTestSchema();
      await using proxy = TcpProxy.to(schema.url);
      await using program = await Program.start(["serve"], {
        ...github.environment,
        ...WEBHOOK_ENVIRONMENT,
        DATABASE_URL: proxy.proxiedUrl(schema.url),
      });
      const url = await program.url();
      await using client = await WebSocketClient.connect(`${url.replace("http", "ws")}/ws`);
      await client.next();
      assertEquals(await fetchHealth(url), [200, "healthy", { postgres: "up" }]);

      const sent = createRunDeliveries(DELIVERIES + AFTER, { random: seededRandom(1) });
      const sender = new WebhookSender(url);
      const sending = sender.send(sent.slice(0, DELIVERIES));
      await waitUntil(() => sender.responses.size >= BEFORE, "deliveries are accepted");
      begin(proxy);
      const end = Date.now() + OUTAGE_MS;
      await waitUntil(async () => (await fetchHealth(url))[0] === 503, "the program is unhealthy");
      while (Date.now() < end) {
        assertEquals(await fetchHealth(url), [503, "unhealthy", { postgres: "down" }]);
        assertEquals(await fetchStatus(`${url}/livez`), 200);
        assertEquals(client.socket.readyState, WebSocket.OPEN);
        await sleep(200);
      }
      proxy.restore();
      await waitUntil(
        async () => (await fetchHealth(url))[0] === 200,
        "the program is healthy again",
      );
      await withTimeout(sending, "the remaining deliveries", SEND_TIMEOUT_MS);
      const { size } = sender.responses;
      const before = sender.acknowledged.length;
      await sender.send(sent.slice(DELIVERIES));
      assertEquals(sender.responses.size, size + AFTER);
      assertEquals(sender.acknowledged.length, before + AFTER);
      const count = client.frames.length;
      await waitUntil(() => client.frames.length > count, "the client receives another frame");

      assertGreater(size, before);
      for (const { status, code, retryAfter } of sender.rejections) {
        assertEquals([status, code], [503, "storage_unavailable"]);
        assertGreater(Number(retryAfter), 0);
      }
      const query = postgresQuery(schema.url);
      await waitUntilDrained(query);
      await assertNothingLost(query, { sent, acknowledged: sender.acknowledged });
    },
  });
}
