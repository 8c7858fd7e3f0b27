import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import { RedisLease } from "../../src/redis/lease.ts";
import type { Lease } from "../../src/cluster/lease.ts";
import { SqlLease } from "../../src/sql/cluster/lease.ts";
import { openTestDatabase } from "../fakes/database.ts";
import { isPostgresAvailable } from "../fakes/postgres.ts";
import { connectTestRedis, isRedisAvailable } from "../fakes/redis.ts";
import { waitUntil } from "../fakes/wait.ts";

/** Longer than a test. */
const LONG = { ttlMs: 60_000, above: 0 };
const SHORT = { ttlMs: 150, above: 0 };

/** One lease, accessed by two instances. */
interface TestLease extends AsyncDisposable {
  readonly a: Lease;
  readonly b: Lease;
  /** Deletes all data, like a restart of Redis without persistence; only for Redis. */
  readonly forget?: () => Promise<void>;
}

async function sqlLease(): Promise<TestLease> {
  const opened = await openTestDatabase("postgres");
  return {
    a: new SqlLease(opened.database),
    b: new SqlLease(await opened.connectAgain()),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function redisLease(): Promise<TestLease> {
  await using stack = new AsyncDisposableStack();
  const first = stack.use(await connectTestRedis());
  const second = stack.use(await connectTestRedis({ prefix: first.prefix }));
  const prefix = () => Promise.resolve(first.prefix);
  const all = stack.move();
  return {
    a: new RedisLease({ redis: first.redis, prefix }),
    b: new RedisLease({ redis: second.redis, prefix }),
    forget: async () => {
      await first.redis.client.del([`${first.prefix}lease`, `${first.prefix}lease:fencing_token`]);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const LEASES = [
  { kind: "PostgreSQL", ignore: !await isPostgresAvailable(), open: sqlLease },
  { kind: "Redis", ignore: !await isRedisAvailable(), open: redisLease },
];

function testOverLeases(name: string, test: (lease: TestLease) => Promise<void>): void {
  for (const { kind, ignore, open } of LEASES) {
    Deno.test({
      name: `${name} (${kind})`,
      ignore,
      async fn() {
        await using lease = await open();
        await test(lease);
      },
    });
  }
}

testOverLeases(
  "Lease.acquire() succeeds for another instance only after the lease has expired",
  async ({ a, b }) => {
    const first = await a.acquire("a", SHORT);
    assertEquals(typeof first, "number");
    assertEquals(await b.acquire("b", SHORT), undefined);
    let second: number | undefined;
    await waitUntil(
      async () => (second = await b.acquire("b", LONG)) !== undefined,
      "it has run out",
    );
    assertGreater(second ?? 0, first ?? 0);
    assertEquals(await a.acquire("a", SHORT), undefined);
  },
);

testOverLeases("Lease.acquire() succeeds for one of many concurrent calls", async ({ a, b }) => {
  const attempts = Array.from({ length: 20 }, (_, at) => (at % 2 ? a : b).acquire(`${at}`, LONG));
  const tokens = await Promise.all(attempts);
  assertEquals(tokens.filter((token) => token !== undefined).length, 1);
});

testOverLeases("Lease.acquire() by the holder returns a higher fencing token", async ({ a }) => {
  const first = await a.acquire("a", LONG) ?? NaN;
  assertGreater(await a.acquire("a", LONG) ?? NaN, first);
});

testOverLeases("Lease.acquire() returns a fencing token above all used ones", async ({ a, b }) => {
  let first: number | undefined;
  const acquire = async () => first = await a.acquire("a", { ...SHORT, above: 41 });
  await waitUntil(async () => await acquire() !== undefined, "the lease has expired");
  assertEquals(first, 42);
  await a.release("a");
  assertEquals(await b.acquire("b", LONG), 43);
});

testOverLeases("Lease.renew() extends the lease only for its holder", async ({ a, b }) => {
  await a.acquire("a", SHORT);
  assertEquals(await b.renew("b", LONG), false);
  assertEquals(await a.renew("a", LONG), true);
  await clock.sleep(2 * SHORT.ttlMs);
  assertEquals(await b.acquire("b", LONG), undefined);
  assertEquals(await a.renew("a", LONG), true);
});

testOverLeases("Lease.renew() returns false after the lease has expired", async ({ a, b }) => {
  await a.acquire("a", SHORT);
  await clock.sleep(2 * SHORT.ttlMs);
  assertEquals(await a.renew("a", LONG), false);
  assertEquals(typeof await b.acquire("b", LONG), "number");
  assertEquals(await a.renew("a", LONG), false);
});

testOverLeases(
  "Lease.release() releases the lease at once, only by its holder",
  async ({ a, b }) => {
    await a.acquire("a", LONG);
    await b.release("b");
    assertEquals(await b.acquire("b", LONG), undefined);
    await a.release("a");
    assertEquals(typeof await b.acquire("b", LONG), "number");
    await a.release("a");
    assertEquals(await a.acquire("a", LONG), undefined);
  },
);

Deno.test({
  name: "RedisLease waits for a possible holder and continues its tokens after Redis lost its data",
  ignore: !await isRedisAvailable(),
  async fn() {
    await using lease = await redisLease();
    const first = await lease.a.acquire("a", LONG) ?? NaN;
    await lease.forget?.();
    const began = clock.now();
    const again = { ttlMs: 300, above: first };
    assertEquals(await lease.b.acquire("b", again), undefined);
    assert(!await lease.a.renew("a", LONG));
    let second: number | undefined;
    await waitUntil(async () => {
      second = await lease.b.acquire("b", again);
      return second !== undefined;
    }, "the lease has expired");
    assertEquals(second, first + 1);
    assertGreaterOrEqual(clock.now() - began, again.ttlMs);
  },
});
