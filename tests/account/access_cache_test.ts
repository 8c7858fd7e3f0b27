import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  ACCESS_MAX_AGE_MS,
  ACCESS_STALE_IF_ERROR_MS,
  AccessCache,
  type AccessSource,
  type AccessStore,
  type RepositoryRef,
} from "../../src/account/access_cache.ts";
import { TokenManager } from "../../src/account/token_manager.ts";
import { GitHubError } from "../../src/errors.ts";
import { invalidateAccess } from "../../src/sql/account/access.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import {
  aProfile,
  createAccountStores,
  FakeOAuthProvider,
  someTokens,
} from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MONA = 7;
const MINUTE_MS = 60_000;
const UNAVAILABLE = new GitHubError({ kind: "unavailable" }, "502");

/** A GitHub that answers which repositories are readable. */
class FakeAccessSource implements AccessSource {
  readonly requests: number[][] = [];
  allowed = new Set<number>();
  failure: Error | undefined;
  /** Called during each request. */
  beforeResponse: () => Promise<unknown> = () => Promise.resolve();

  async filterReadable(repositories: readonly RepositoryRef[]): Promise<ReadonlySet<number>> {
    const ids = repositories.map(({ id }) => id);
    this.requests.push(ids);
    const readable = new Set(ids.filter((id) => this.allowed.has(id)));
    await this.beforeResponse();
    if (this.failure) throw this.failure;
    return readable;
  }
}

async function setUp(database: Database, ids: readonly number[] = [1, 2]) {
  const clock = new ManualClock(NOW);
  const { users, sessions, access: store } = createAccountStores(database, clock);
  await users.saveSignIn({ profile: aProfile({ id: MONA }), tokens: someTokens(), role: "member" });
  const repositories = new SqlRepositoryStore(database, clock);
  const put = (id: number) =>
    repositories.upsert([{ id, fullName: `Octo/R${id}`, pushedAt: null }]);
  await repositories.upsert(ids.map((id) => ({ id, fullName: `Octo/R${id}`, pushedAt: null })));
  const github = new FakeAccessSource();
  github.allowed.add(1);
  const { signal } = new AbortController();
  const tokens = new TokenManager({
    users,
    sessions,
    provider: new FakeOAuthProvider(),
    clock,
    signal,
  });
  const newCache = (cacheStore: AccessStore = store) =>
    new AccessCache({ store: cacheStore, source: github, tokens, clock });
  const invalidate = (changed: readonly number[] | "all") =>
    database.write((tx) => invalidateAccess(tx, changed));
  return { clock, store, github, put, drop: invalidate, newCache, cache: newCache() };
}

const names = (...ids: number[]) => new Set(ids.map((id) => `octo/r${id}`));

testOverDatabases("AccessCache.visibility() asks GitHub once, and again after 5 minutes", async (
  { database },
) => {
  const { clock, github, cache, newCache } = await setUp(database);
  const [first, second] = await Promise.all([cache.visibility(MONA), cache.visibility(MONA)]);
  assertEquals([first, github.requests], [names(1), [[1, 2]]]);
  assertStrictEquals(second, first);
  clock.time += ACCESS_MAX_AGE_MS;
  assertStrictEquals(await cache.visibility(MONA), first);
  assertEquals(await newCache().visibility(MONA), names(1), "stored for other instances");
  assertEquals(github.requests.length, 1);
  clock.time += 1;
  github.allowed.add(2).delete(1);
  assertEquals(await cache.visibility(MONA), names(2));
  assertEquals(github.requests.length, 2);
});

testOverDatabases("AccessCache.visibility() keeps the age of an answer across a restart", async (
  { database },
) => {
  const { clock, github, cache, newCache } = await setUp(database);
  await cache.visibility(MONA);
  clock.time += ACCESS_MAX_AGE_MS - 1;
  const later = newCache();
  await later.visibility(MONA);
  clock.time += 2;
  await later.visibility(MONA);
  assertEquals(github.requests.length, 2);
}, { kinds: ["memory"] });

testOverDatabases(
  "AccessCache.visibility() includes every permission change reported before the call",
  async (
    { database },
  ) => {
    const { github, cache, drop } = await setUp(database);
    assertEquals(await cache.visibility(MONA), names(1));
    github.allowed.delete(1);
    await drop([1]);
    assertEquals(await cache.visibility(MONA), names());
    assertEquals(github.requests, [[1, 2], [1]]);
  },
);

testOverDatabases(
  "AccessCache.visibility() discards an answer if permissions change during the request",
  async (
    { database },
  ) => {
    const { github, cache, drop } = await setUp(database);
    github.beforeResponse = async () => {
      github.beforeResponse = () => Promise.resolve();
      github.allowed.delete(1);
      await drop("all");
    };
    assertEquals(await cache.visibility(MONA), names());
    assertEquals(github.requests, [[1, 2], [1, 2]]);
  },
);

testOverDatabases(
  "AccessCache.visibility() joins no refresh that started before the change",
  async (
    { database },
  ) => {
    const { github, cache, drop } = await setUp(database);
    const began = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    await cache.visibility(MONA);
    github.beforeResponse = () => {
      began.resolve();
      return mayEnd.promise;
    };
    await drop([1]);
    const early = cache.visibility(MONA);
    await began.promise;
    github.allowed.delete(1);
    await drop([1]);
    const late = cache.visibility(MONA);
    mayEnd.resolve();
    assertEquals(await late, names());
    assertEquals(await early, names());
  },
  { kinds: ["memory"] },
);

testOverDatabases(
  "AccessCache.visibility() joins no epoch read that started before the change",
  async (
    { database },
  ) => {
    const { store, github, cache, newCache, drop } = await setUp(database);
    await cache.visibility(MONA);
    const epochRead = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const slow: AccessStore = {
      epoch: () => store.epoch(),
      save: (answer) => store.save(answer),
      load: async (userId, since) => {
        const known = await store.load(userId, since);
        epochRead.resolve();
        await mayEnd.promise;
        return known;
      },
    };
    const later = newCache(slow);
    const early = later.visibility(MONA);
    await epochRead.promise;
    github.allowed.delete(1);
    await drop([1]);
    const late = later.visibility(MONA);
    // By now the call has joined.
    for (let turn = 0; turn < 5; turn++) await store.epoch();
    mayEnd.resolve();
    assertEquals([await early, await late], [names(1), names()]);
  },
  { kinds: ["memory"] },
);

testOverDatabases("AccessCache.visibility() checks only a new repository, immediately", async (
  { database },
) => {
  const { github, cache, put } = await setUp(database);
  await cache.visibility(MONA);
  github.allowed.add(3);
  await put(3);
  assertEquals(await cache.visibility(MONA), names(1, 3));
  assertEquals(github.requests, [[1, 2], [3]]);
}, { kinds: ["memory"] });

testOverDatabases(
  "AccessCache.visibility() checks a hundred repositories per request",
  async ({ database }) => {
    const ids = Array.from({ length: 201 }, (_, index) => index + 1);
    const { github, cache } = await setUp(database, ids);
    github.allowed = new Set(ids.slice(1));
    assertEquals((await cache.visibility(MONA)).size, 200);
    assertEquals(github.requests.map(({ length }) => length), [100, 100, 1]);
  },
  { kinds: ["memory", "postgres"] },
);

testOverDatabases(
  "AccessCache.visibility() uses answers for 30 minutes while GitHub is unavailable",
  async (
    { database },
  ) => {
    const { clock, github, cache } = await setUp(database);
    const before = await cache.visibility(MONA);
    github.failure = UNAVAILABLE;
    clock.time = NOW + ACCESS_MAX_AGE_MS + 1;
    assertStrictEquals(await cache.visibility(MONA), before);
    assertStrictEquals(await cache.visibility(MONA), before);
    assertEquals(github.requests.length, 2, "no request per attempt");
    clock.time = NOW + ACCESS_STALE_IF_ERROR_MS;
    assertStrictEquals(await cache.visibility(MONA), before);
    clock.time += 1;
    await assertRejects(() => cache.visibility(MONA), GitHubError, "502");
    github.failure = undefined;
    clock.time += MINUTE_MS;
    assertEquals(await cache.visibility(MONA), names(1));
  },
  { kinds: ["memory"] },
);

testOverDatabases(
  "AccessCache.visibility() hides repositories with changed permissions while GitHub is unavailable",
  async (
    { database },
  ) => {
    const { clock, github, cache, put, drop } = await setUp(database);
    github.allowed.add(2);
    await cache.visibility(MONA);
    github.failure = UNAVAILABLE;
    await drop([1]);
    await put(3);
    assertEquals(await cache.visibility(MONA), names(2));
    await drop("all");
    await assertRejects(() => cache.visibility(MONA), GitHubError, "502");
    clock.time += MINUTE_MS;
    await assertRejects(() => cache.visibility(MONA), GitHubError, "502");
  },
  { kinds: ["memory"] },
);

testOverDatabases("AccessCache.visibility() fails if permissions keep changing", async (
  { database },
) => {
  const { github, cache, drop } = await setUp(database);
  github.beforeResponse = () => drop("all");
  await assertRejects(
    () => cache.visibility(MONA),
    GitHubError,
    "Repository access changed during the check",
  );
  assertEquals(github.requests.length, 5);
}, { kinds: ["memory"] });

testOverDatabases("AccessCache.canRead() asks GitHub about an unknown repository", async (
  { database },
) => {
  const { github, cache } = await setUp(database);
  github.allowed.add(9);
  assertEquals(await cache.canRead(MONA, { id: 9, fullName: "octo/new" }), true);
  assertEquals(await cache.canRead(MONA, { id: 8, fullName: "octo/hidden" }), false);
  github.failure = UNAVAILABLE;
  await assertRejects(() => cache.canRead(MONA, { id: 9, fullName: "octo/new" }), GitHubError);
}, { kinds: ["memory"] });
