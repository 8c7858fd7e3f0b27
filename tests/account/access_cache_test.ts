import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { AccessSource, AccessStore, Named } from "../../src/account/access.ts";
import { ACCESS_FRESH_MS, ACCESS_HOLD_MS, AccessCache } from "../../src/account/access_cache.ts";
import { TokenKeeper } from "../../src/account/token_keeper.ts";
import { RefusedError } from "../../src/errors.ts";
import { dropAccess } from "../../src/sql/access.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { accountStores, aProfile, ScriptedProvider, someTokens } from "../fakes/account.ts";
import { SetClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MONA = 7;
const MINUTE_MS = 60_000;
const UNAVAILABLE = new RefusedError({ kind: "unavailable" }, "502");

/** GitHub, as far as it tells who may read what. */
class Rights implements AccessSource {
  readonly asked: number[][] = [];
  allowed = new Set<number>();
  failure: Error | undefined;
  /** Done while it is asked. */
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  async readable(repositories: readonly Named[]): Promise<ReadonlySet<number>> {
    const ids = repositories.map(({ id }) => id);
    this.asked.push(ids);
    const answer = new Set(ids.filter((id) => this.allowed.has(id)));
    await this.meanwhile();
    if (this.failure) throw this.failure;
    return answer;
  }
}

async function setUp(database: Database, ids: readonly number[] = [1, 2]) {
  const clock = new SetClock(NOW);
  const { users, sessions, access: store } = accountStores(database, clock);
  await users.signIn({ profile: aProfile({ id: MONA }), tokens: someTokens(), role: "member" });
  const repositories = new SqlRepositoryStore(database, clock);
  const put = (id: number) => repositories.put([{ id, fullName: `Octo/R${id}`, pushedAt: null }]);
  await repositories.put(ids.map((id) => ({ id, fullName: `Octo/R${id}`, pushedAt: null })));
  const github = new Rights();
  github.allowed.add(1);
  const { signal } = new AbortController();
  const tokens = new TokenKeeper({
    users,
    sessions,
    provider: new ScriptedProvider(),
    clock,
    signal,
  });
  const newCache = (kept: AccessStore = store) =>
    new AccessCache({ store: kept, source: github, tokens, clock });
  const drop = (changed: readonly number[] | "all") =>
    database.write((tx) => dropAccess(tx, changed));
  return { clock, store, github, put, drop, newCache, cache: newCache() };
}

const names = (...ids: number[]) => new Set(ids.map((id) => `octo/r${id}`));

testOverDatabases("AccessCache.visible() asks GitHub once, and again after 5 minutes", async (
  { database },
) => {
  const { clock, github, cache, newCache } = await setUp(database);
  const [first, second] = await Promise.all([cache.visible(MONA), cache.visible(MONA)]);
  assertEquals([first, github.asked], [names(1), [[1, 2]]]);
  assertStrictEquals(second, first);
  clock.time += ACCESS_FRESH_MS;
  assertStrictEquals(await cache.visible(MONA), first);
  assertEquals(await newCache().visible(MONA), names(1), "kept for other instances");
  assertEquals(github.asked.length, 1);
  clock.time += 1;
  github.allowed.add(2).delete(1);
  assertEquals(await cache.visible(MONA), names(2));
  assertEquals(github.asked.length, 2);
});

testOverDatabases("AccessCache.visible() counts the age of an answer over a restart", async (
  { database },
) => {
  const { clock, github, cache, newCache } = await setUp(database);
  await cache.visible(MONA);
  clock.time += ACCESS_FRESH_MS - 1;
  const later = newCache();
  await later.visible(MONA);
  clock.time += 2;
  await later.visible(MONA);
  assertEquals(github.asked.length, 2);
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.visible() misses no change of rights that was told before", async (
  { database },
) => {
  const { github, cache, drop } = await setUp(database);
  assertEquals(await cache.visible(MONA), names(1));
  github.allowed.delete(1);
  await drop([1]);
  assertEquals(await cache.visible(MONA), names());
  assertEquals(github.asked, [[1, 2], [1]]);
});

testOverDatabases(
  "AccessCache.visible() does not believe an answer that a change has overtaken",
  async (
    { database },
  ) => {
    const { github, cache, drop } = await setUp(database);
    github.meanwhile = async () => {
      github.meanwhile = () => Promise.resolve();
      github.allowed.delete(1);
      await drop("all");
    };
    assertEquals(await cache.visible(MONA), names());
    assertEquals(github.asked, [[1, 2], [1, 2]]);
  },
);

testOverDatabases("AccessCache.visible() joins nobody who began before the change", async (
  { database },
) => {
  const { github, cache, drop } = await setUp(database);
  const began = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  await cache.visible(MONA);
  github.meanwhile = () => {
    began.resolve();
    return mayEnd.promise;
  };
  await drop([1]);
  const early = cache.visible(MONA);
  await began.promise;
  github.allowed.delete(1);
  await drop([1]);
  const late = cache.visible(MONA);
  mayEnd.resolve();
  assertEquals(await late, names());
  assertEquals(await early, names());
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.visible() joins nobody who looked before the change", async (
  { database },
) => {
  const { store, github, cache, newCache, drop } = await setUp(database);
  await cache.visible(MONA);
  const looked = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const slow: AccessStore = {
    epoch: () => store.epoch(),
    keep: (answer) => store.keep(answer),
    known: async (userId, since) => {
      const known = await store.known(userId, since);
      looked.resolve();
      await mayEnd.promise;
      return known;
    },
  };
  const later = newCache(slow);
  const early = later.visible(MONA);
  await looked.promise;
  github.allowed.delete(1);
  await drop([1]);
  const late = later.visible(MONA);
  // It has joined by now.
  for (let turn = 0; turn < 5; turn++) await store.epoch();
  mayEnd.resolve();
  assertEquals([await early, await late], [names(1), names()]);
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.visible() asks for a new repository alone, at once", async (
  { database },
) => {
  const { github, cache, put } = await setUp(database);
  await cache.visible(MONA);
  github.allowed.add(3);
  await put(3);
  assertEquals(await cache.visible(MONA), names(1, 3));
  assertEquals(github.asked, [[1, 2], [3]]);
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.visible() asks for a hundred at a time", async ({ database }) => {
  const ids = Array.from({ length: 201 }, (_, index) => index + 1);
  const { github, cache } = await setUp(database, ids);
  github.allowed = new Set(ids.slice(1));
  assertEquals((await cache.visible(MONA)).size, 200);
  assertEquals(github.asked.map(({ length }) => length), [100, 100, 1]);
}, { kinds: ["memory", "postgres"] });

testOverDatabases("AccessCache.visible() holds what it knows for 30 minutes without GitHub", async (
  { database },
) => {
  const { clock, github, cache } = await setUp(database);
  const before = await cache.visible(MONA);
  github.failure = UNAVAILABLE;
  clock.time = NOW + ACCESS_FRESH_MS + 1;
  assertStrictEquals(await cache.visible(MONA), before);
  assertStrictEquals(await cache.visible(MONA), before);
  assertEquals(github.asked.length, 2, "not asked at every turn");
  clock.time = NOW + ACCESS_HOLD_MS;
  assertStrictEquals(await cache.visible(MONA), before);
  clock.time += 1;
  await assertRejects(() => cache.visible(MONA), RefusedError, "502");
  github.failure = undefined;
  clock.time += MINUTE_MS;
  assertEquals(await cache.visible(MONA), names(1));
}, { kinds: ["memory"] });

testOverDatabases(
  "AccessCache.visible() without GitHub shows nothing whose rights have changed",
  async (
    { database },
  ) => {
    const { clock, github, cache, put, drop } = await setUp(database);
    github.allowed.add(2);
    await cache.visible(MONA);
    github.failure = UNAVAILABLE;
    await drop([1]);
    await put(3);
    assertEquals(await cache.visible(MONA), names(2));
    await drop("all");
    await assertRejects(() => cache.visible(MONA), RefusedError, "502");
    clock.time += MINUTE_MS;
    await assertRejects(() => cache.visible(MONA), RefusedError, "502");
  },
  { kinds: ["memory"] },
);

testOverDatabases("AccessCache.visible() gives up while rights go on changing", async (
  { database },
) => {
  const { github, cache, drop } = await setUp(database);
  github.meanwhile = () => drop("all");
  await assertRejects(() => cache.visible(MONA), RefusedError, "goes on changing");
  assertEquals(github.asked.length, 5);
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.mayRead() asks GitHub about what is not known yet", async (
  { database },
) => {
  const { github, cache } = await setUp(database);
  github.allowed.add(9);
  assertEquals(await cache.mayRead(MONA, { id: 9, fullName: "octo/new" }), true);
  assertEquals(await cache.mayRead(MONA, { id: 8, fullName: "octo/hidden" }), false);
  github.failure = UNAVAILABLE;
  await assertRejects(() => cache.mayRead(MONA, { id: 9, fullName: "octo/new" }), RefusedError);
}, { kinds: ["memory"] });
