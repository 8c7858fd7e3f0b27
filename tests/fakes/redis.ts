import { createClient } from "redis";
import { systemClock } from "../../src/clock.ts";
import { Redis } from "../../src/redis/connection.ts";
import { waitUntil } from "./wait.ts";

/** The Redis of the tests. */
export const REDIS_URL = Deno.env.get("TEST_REDIS_URL") ?? "redis://127.0.0.1:6379";

/** Whether Redis answers. With REQUIRE_SERVICES=1 the answer is always yes, so that tests fail without it. */
export async function isRedisAvailable(): Promise<boolean> {
  if (Deno.env.get("REQUIRE_SERVICES") === "1") return true;
  const client = createClient({ url: REDIS_URL, socket: { reconnectStrategy: false } });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch {
    return false;
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** An open connection with its own key prefix; its keys are deleted when it is disposed of. */
export async function connectTestRedis(
  { url = REDIS_URL, prefix = `test_${crypto.randomUUID()}:` } = {},
): Promise<{ readonly redis: Redis; readonly prefix: string } & AsyncDisposable> {
  const stop = new AbortController();
  const redis = new Redis(url, { clock: systemClock, random: Math.random });
  const finished = redis.run(stop.signal);
  await waitUntil(() => redis.isReady, "Redis is ready");
  return {
    redis,
    prefix,
    async [Symbol.asyncDispose]() {
      if (redis.isReady) {
        for await (const keys of redis.client.scanIterator({ MATCH: `${prefix}*` })) {
          if (keys.length > 0) await redis.client.del(keys);
        }
      }
      stop.abort();
      await finished;
      // The sockets close one turn of the event loop later.
      await systemClock.sleep(10);
    },
  };
}
