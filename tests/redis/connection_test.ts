import { assertEquals, assertMatch } from "@std/assert";
import { CapturedLog } from "../fakes/log.ts";
import { connectTestRedis, isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

Deno.test({
  name: "Redis says once that it is away, and that it is back",
  ignore: !await isRedisAvailable(),
  async fn() {
    await using log = await new CapturedLog().start();
    await using proxy = TcpProxy.to(REDIS_URL);
    await using test = await connectTestRedis({ url: proxy.proxiedUrl(REDIS_URL) });
    const { redis } = test;
    for (let outage = 1; outage <= 2; outage++) {
      proxy.disconnect();
      await waitUntil(() => !redis.isReady, "it is away");
      // Long enough for several tries.
      await waitUntil(() => log.lines.length === 2 * outage - 1, "it is told");
      await new Promise((resolve) => setTimeout(resolve, 400));
      proxy.restore();
      await waitUntil(() => redis.isReady && log.lines.length === 2 * outage, "it is back");
      await redis.check();
      const [away, back] = log.lines.slice(-2);
      assertMatch(away ?? "", /^Redis is away: /);
      assertEquals(back, "Redis is back");
    }
    assertEquals(log.records.map(({ level }) => level), ["warning", "info", "warning", "info"]);
  },
});
