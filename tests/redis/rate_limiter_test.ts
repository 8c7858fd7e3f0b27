import { assert, assertEquals } from "@std/assert";
import {
  MemoryRateLimiter,
  type RateLimitDecision,
  type RateLimiter,
} from "../../src/account/rate_limiter.ts";
import { systemClock } from "../../src/clock.ts";
import { RedisRateLimiter, type RedisRateLimiterOptions } from "../../src/redis/rate_limiter.ts";
import { connectTestRedis, isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";

const ignore = !await isRedisAvailable();
/** Almost no refill during a test. */
const SLOW = { perSecond: 0.001, burst: 3 };

/** Fails the test if it is used. */
const NO_FALLBACK: RateLimiter = {
  consume: () => Promise.reject(new Error("The fallback was used")),
};

function redisRateLimiter(
  { redis, prefix }: Pick<RedisRateLimiterOptions, "redis" | "prefix">,
  { limit = SLOW, fallback = NO_FALLBACK } = {},
) {
  return new RedisRateLimiter(limit, { redis, prefix, clock: systemClock, fallback });
}

Deno.test({
  name: "RedisRateLimiter shares one bucket between two instances",
  ignore,
  async fn() {
    await using first = await connectTestRedis();
    await using second = await connectTestRedis({ prefix: first.prefix });
    const instances = [redisRateLimiter(first), redisRateLimiter(second)];
    const decisions: RateLimitDecision[] = [];
    for (let at = 0; at < 4; at++) {
      decisions.push(await instances[at % 2]?.consume("a") ?? await NO_FALLBACK.consume(""));
    }
    assertEquals(decisions.map(({ isAllowed }) => isAllowed), [true, true, true, false]);
    assertEquals(decisions.map(({ remaining }) => remaining), [2, 1, 0, 0]);
    const { retryAfterMs = 0, resetMs = 0 } = decisions[3] ?? {};
    assert(retryAfterMs > 900_000 && retryAfterMs <= 1_000_000, `${retryAfterMs}`);
    assert(resetMs > 2_900_000 && resetMs <= 3_000_000, `${resetMs}`);
    assertEquals((await redisRateLimiter(first).consume("b")).remaining, 2);
  },
});

Deno.test({
  name: "RedisRateLimiter never allows more than a burst to concurrent requests",
  ignore,
  async fn() {
    await using opened = await connectTestRedis();
    const limiter = redisRateLimiter(opened, { limit: { perSecond: 0.001, burst: 20 } });
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.consume("a")));
    assertEquals(decisions.filter(({ isAllowed }) => isAllowed).length, 20);
  },
});

Deno.test({
  name: "RedisRateLimiter refills continuously, and a full bucket expires",
  ignore,
  async fn() {
    await using opened = await connectTestRedis();
    const limiter = redisRateLimiter(opened, { limit: { perSecond: 20, burst: 1 } });
    assertEquals((await limiter.consume("a")).isAllowed, true);
    const time = await opened.redis.client.pTTL(`${opened.prefix}rate_limit:a`);
    assert(time > 0 && time <= 1_050, `the key expires after ${time} ms`);
    await waitUntil(
      async () => (await limiter.consume("a")).isAllowed,
      "another request is allowed",
    );
  },
});

Deno.test({
  name: "RedisRateLimiter falls back to one bucket per instance while Redis is unavailable",
  ignore,
  async fn() {
    await using proxy = TcpProxy.to(REDIS_URL);
    await using opened = await connectTestRedis({ url: proxy.proxiedUrl(REDIS_URL) });
    const fallback = new MemoryRateLimiter(SLOW, { clock: systemClock });
    const limiter = redisRateLimiter(opened, { fallback });
    assertEquals((await limiter.consume("a")).remaining, 2);
    proxy.disconnect();
    await waitUntil(() => !opened.redis.isReady, "the connection is lost");
    const local = [
      await limiter.consume("a"),
      await limiter.consume("a"),
      await limiter.consume("a"),
    ];
    assertEquals(local.map(({ remaining }) => remaining), [2, 1, 0]);
    assertEquals((await limiter.consume("a")).isAllowed, false);
    proxy.restore();
    await waitUntil(() => opened.redis.isReady, "Redis reconnects");
    assertEquals((await limiter.consume("a")).remaining, 1);
  },
});

Deno.test({
  name: "RedisRateLimiter does not wait for an unresponsive Redis",
  ignore,
  async fn() {
    await using proxy = TcpProxy.to(REDIS_URL);
    await using opened = await connectTestRedis({ url: proxy.proxiedUrl(REDIS_URL) });
    const fallback = new MemoryRateLimiter(SLOW, { clock: systemClock });
    proxy.blackhole();
    assertEquals((await redisRateLimiter(opened, { fallback }).consume("a")).remaining, 2);
    assertEquals(fallback.size, 1);
    proxy.disconnect();
    await waitUntil(() => !opened.redis.isReady, "the connection is lost");
    proxy.restore();
    await waitUntil(() => opened.redis.isReady, "Redis reconnects");
  },
});
