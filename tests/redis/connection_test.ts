import { assertEquals, assertMatch } from "@std/assert";
import { LogUnderTest } from "../fakes/log.ts";
import { isRedisThere, REDIS_URL, testRedis } from "../fakes/redis.ts";
import { until } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

Deno.test({
  name: "Redis says once that it is away, and that it is back",
  ignore: !await isRedisThere(),
  async fn() {
    await using log = await new LogUnderTest().start();
    await using proxy = TcpProxy.to(REDIS_URL);
    await using test = await testRedis({ url: proxy.through(REDIS_URL) });
    const { redis } = test;
    for (let outage = 1; outage <= 2; outage++) {
      proxy.cut();
      await until(() => !redis.isReady, "it is away");
      // Long enough for several tries.
      await until(() => log.lines.length === 2 * outage - 1, "it is told");
      await new Promise((resolve) => setTimeout(resolve, 400));
      proxy.heal();
      await until(() => redis.isReady && log.lines.length === 2 * outage, "it is back");
      await redis.check();
      const [away, back] = log.lines.slice(-2);
      assertMatch(away ?? "", /^Redis is away: /);
      assertEquals(back, "Redis is back");
    }
    assertEquals(log.records.map(({ level }) => level), ["warning", "info", "warning", "info"]);
  },
});
