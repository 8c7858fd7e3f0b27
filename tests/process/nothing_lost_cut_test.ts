import { assertEquals, assertGreater } from "@std/assert";
import { seededRandom } from "../../src/simulator/random.ts";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { Program } from "../fakes/program.ts";
import { SocketClient, until, within } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { healthOf, statusOf } from "./ask.ts";
import { pause } from "./cluster.ts";
import { SimulatedGitHub } from "./github.ts";
import { assertNothingLost, drained, postgresQuery } from "./kept.ts";
import { runDeliveries } from "./run_deliveries.ts";
import { Sender, WEBHOOK_ENVIRONMENT } from "./sender.ts";

const BEFORE = 200;
const AFTER = 200;
/** Enough that some are sent at any moment of the trouble. */
const DELIVERIES = 1_000;

const TROUBLE_MS = 10_000;
const TROUBLES = [
  { what: "refuses connections", begin: (proxy: TcpProxy) => proxy.cut() },
  { what: "is lost behind a silent network", begin: (proxy: TcpProxy) => proxy.lose() },
];

const ignore = !await isPostgresThere();

for (const { what, begin } of TROUBLES) {
  Deno.test({
    name: `runwire serve loses nothing while PostgreSQL ${what} for 10 s, and goes on by itself`,
    ignore,
    async fn() {
      await using github = new SimulatedGitHub();
      await using schema = await testSchema();
      await using proxy = TcpProxy.to(schema.url);
      await using program = await Program.start(["serve"], {
        ...github.environment,
        ...WEBHOOK_ENVIRONMENT,
        DATABASE_URL: proxy.through(schema.url),
      });
      const url = await program.url();
      await using client = await SocketClient.connect(`${url.replace("http", "ws")}/ws`);
      await client.next();
      assertEquals(await healthOf(url), [200, "healthy", { postgres: "up" }]);

      const sent = runDeliveries(DELIVERIES + AFTER, { random: seededRandom(1) });
      const sender = new Sender(url);
      const sending = sender.send(sent.slice(0, DELIVERIES));
      await until(() => sender.answers.size >= BEFORE, "deliveries are taken");
      begin(proxy);
      const end = Date.now() + TROUBLE_MS;
      await until(async () => (await healthOf(url))[0] === 503, "it is unhealthy");
      while (Date.now() < end) {
        assertEquals(await healthOf(url), [503, "unhealthy", { postgres: "down" }]);
        assertEquals(await statusOf(`${url}/livez`), 200);
        assertEquals(client.socket.readyState, WebSocket.OPEN);
        await pause(200);
      }
      proxy.heal();
      await until(async () => (await healthOf(url))[0] === 200, "it is healthy again");
      await within(sending, "the rest to be sent");
      const { size } = sender.answers;
      const before = sender.acknowledged.length;
      await sender.send(sent.slice(DELIVERIES));
      assertEquals(sender.answers.size, size + AFTER);
      assertEquals(sender.acknowledged.length, before + AFTER);
      const seen = client.frames.length;
      await until(() => client.frames.length > seen, "the client hears again");

      assertGreater(size, before);
      for (const { status, code, retryAfter } of sender.refusals) {
        assertEquals([status, code], [503, "storage_unavailable"]);
        assertGreater(Number(retryAfter), 0);
      }
      const query = postgresQuery(schema.url);
      await drained(query);
      await assertNothingLost(query, { sent, acknowledged: sender.acknowledged });
    },
  });
}
