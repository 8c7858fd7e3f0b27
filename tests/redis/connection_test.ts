import { assertEquals, assertMatch } from "@std/assert";
import { CapturedLog } from "../fakes/log.ts";
import { connectTestRedis, isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

Deno.test({
  name: "Redis logs each outage and each reconnect once",
  ignore: !await isRedisAvailable(),
  async fn() {
    await using log = await new CapturedLog().start();
    await using proxy = TcpProxy.to(REDIS_URL);
    await using test = await connectTestRedis({ url: proxy.proxiedUrl(REDIS_URL) });
    const { redis } = test;
    for (let outage = 1; outage <= 2; outage++) {
      proxy.disconnect();
      await waitUntil(() => !redis.isReady, "the connection is lost");
      // Long enough for several attempts.
      await waitUntil(() => log.lines.length === 2 * outage - 1, "the outage is logged");
      await new Promise((resolve) => setTimeout(resolve, 400));
      proxy.restore();
      await waitUntil(() => redis.isReady && log.lines.length === 2 * outage, "Redis reconnects");
      await redis.check();
      const [lost, reconnected] = log.lines.slice(-2);
      assertMatch(lost ?? "", /^Redis unavailable: /);
      assertEquals(reconnected, "Redis reconnected");
    }
    assertEquals(log.records.map(({ level }) => level), ["warning", "info", "warning", "info"]);
  },
});
