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
/** As good as no refill while a test lasts. */
const SLOW = { perSecond: 0.001, burst: 3 };

/** Fails the test that it is asked by. */
const NO_FALLBACK: RateLimiter = {
  consume: () => Promise.reject(new Error("Redis was not asked")),
};

function redisRateLimiter(
  { redis, prefix }: Pick<RedisRateLimiterOptions, "redis" | "prefix">,
  { allowance: limit = SLOW, fallback = NO_FALLBACK } = {},
) {
  return new RedisRateLimiter(limit, { redis, prefix, clock: systemClock, fallback });
}

Deno.test({
  name: "RedisBuckets counts what two instances grant in one bucket",
  ignore,
  async fn() {
    await using first = await connectTestRedis();
    await using second = await connectTestRedis({ prefix: first.prefix });
    const instances = [redisRateLimiter(first), redisRateLimiter(second)];
    const decisions: RateLimitDecision[] = [];
    for (let at = 0; at < 4; at++) {
      decisions.push(await instances[at % 2]?.consume("a") ?? await NO_FALLBACK.consume(""));
    }
    assertEquals(decisions.map(({ isAllowed: isGranted }) => isGranted), [true, true, true, false]);
    assertEquals(decisions.map(({ remaining }) => remaining), [2, 1, 0, 0]);
    const { retryAfterMs: retryAfter = 0, resetMs: reset = 0 } = decisions[3] ?? {};
    assert(retryAfter > 900_000 && retryAfter <= 1_000_000, `${retryAfter}`);
    assert(reset > 2_900_000 && reset <= 3_000_000, `${reset}`);
    assertEquals((await redisRateLimiter(first).consume("b")).remaining, 2);
  },
});

Deno.test({
  name: "RedisBuckets never grants more than a burst to many who ask at once",
  ignore,
  async fn() {
    await using opened = await connectTestRedis();
    const limiter = redisRateLimiter(opened, { allowance: { perSecond: 0.001, burst: 20 } });
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.consume("a")));
    assertEquals(decisions.filter(({ isAllowed: isGranted }) => isGranted).length, 20);
  },
});

Deno.test({
  name: "RedisBuckets gives back by the second, and forgets a bucket that is full",
  ignore,
  async fn() {
    await using opened = await connectTestRedis();
    const limiter = redisRateLimiter(opened, { allowance: { perSecond: 20, burst: 1 } });
    assertEquals((await limiter.consume("a")).isAllowed, true);
    const time = await opened.redis.client.pTTL(`${opened.prefix}throttle:a`);
    assert(time > 0 && time <= 1_050, `the key is kept for ${time} ms`);
    await waitUntil(async () => (await limiter.consume("a")).isAllowed, "another is granted");
  },
});

Deno.test({
  name: "RedisBuckets lets each instance count for itself while Redis is away",
  ignore,
  async fn() {
    await using proxy = TcpProxy.to(REDIS_URL);
    await using opened = await connectTestRedis({ url: proxy.proxiedUrl(REDIS_URL) });
    const fallback = new MemoryRateLimiter(SLOW, { clock: systemClock });
    const limiter = redisRateLimiter(opened, { fallback });
    assertEquals((await limiter.consume("a")).remaining, 2);
    proxy.disconnect();
    await waitUntil(() => !opened.redis.isReady, "the connection is lost");
    const alone = [
      await limiter.consume("a"),
      await limiter.consume("a"),
      await limiter.consume("a"),
    ];
    assertEquals(alone.map(({ remaining }) => remaining), [2, 1, 0]);
    assertEquals((await limiter.consume("a")).isAllowed, false);
    proxy.restore();
    await waitUntil(() => opened.redis.isReady, "Redis is back");
    assertEquals((await limiter.consume("a")).remaining, 1);
  },
});

Deno.test({
  name: "RedisBuckets does not wait for a Redis that says nothing",
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
    await waitUntil(() => opened.redis.isReady, "Redis is back");
  },
});
