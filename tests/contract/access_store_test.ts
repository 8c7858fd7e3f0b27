import { assertEquals } from "@std/assert";
import { AesCipher } from "../../src/account/crypto.ts";
import { invalidateAccess, SqlAccessStore } from "../../src/sql/account/access.ts";
import type { Database } from "../../src/sql/database.ts";
import { mergeRepositories, SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlUserStore } from "../../src/sql/account/user.ts";
import { aProfile, someTokens, TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const A = { id: 1, fullName: "Octo/A", pushedAt: null };
const B = { id: 2, fullName: "octo/b", pushedAt: null };
const C = { id: 3, fullName: "octo/c", pushedAt: null };

async function setUp(database: Database) {
  const clock = new ManualClock(NOW);
  const users = new SqlUserStore({ database, clock, cipher: new AesCipher(TEST_SESSION_SECRET) });
  for (const id of [7, 8]) {
    await users.saveSignIn({ profile: aProfile({ id }), tokens: someTokens(), role: "member" });
  }
  const repositories = new SqlRepositoryStore(database, clock);
  await repositories.upsert([A, B]);
  const store = new SqlAccessStore(database);
  /** Saves that user 7 can read A and not B. */
  const save = async (fields: Partial<Parameters<SqlAccessStore["save"]>[0]> = {}) =>
    await store.save({
      userId: 7,
      epoch: await store.epoch(),
      readable: [1],
      unreadable: [2],
      checkedAt: NOW,
      ...fields,
    });
  return { clock, users, repositories, store, save };
}

const toRepositoryRef = ({ id, fullName }: typeof A) => ({ id, fullName });

testOverDatabases(
  "AccessStore.load() returns the access of one user and the unchecked repositories",
  async (
    { database },
  ) => {
    const { store, save } = await setUp(database);
    const epoch = await store.epoch();
    const nothing = { epoch, readable: new Set<string>(), oldestCheckedAt: undefined };
    assertEquals(await store.load(7, NOW), { ...nothing, unchecked: [A, B].map(toRepositoryRef) });
    assertEquals(await save(), true);
    const known = { epoch, readable: new Set(["octo/a"]), unchecked: [], oldestCheckedAt: NOW };
    assertEquals(await store.load(7, NOW), known);
    assertEquals(await store.load(7, NOW + 1), {
      ...nothing,
      unchecked: [A, B].map(toRepositoryRef),
    });
    assertEquals(await store.load(8, NOW), { ...nothing, unchecked: [A, B].map(toRepositoryRef) });
  },
);

testOverDatabases(
  "AccessStore.save() does not wait for a transaction that changes a repository",
  async (
    { database },
  ) => {
    const { save } = await setUp(database);
    await database.write(async (tx) => {
      await mergeRepositories(tx, [{ ...A, pushedAt: "2026-01-01T00:00:00Z" }]);
      assertEquals(await save(), true);
    });
  },
  { kinds: ["postgres"] },
);

testOverDatabases("AccessStore.save() replaces earlier answers of GitHub", async ({ database }) => {
  const { store, save } = await setUp(database);
  await save();
  await save({ readable: [2], unreadable: [], checkedAt: NOW + 5 });
  const { readable, oldestCheckedAt } = await store.load(7, NOW);
  assertEquals([readable, oldestCheckedAt], [new Set(["octo/a", "octo/b"]), NOW]);
  await save({ readable: [], unreadable: [1], checkedAt: NOW + 5 });
  assertEquals((await store.load(7, NOW)).readable, new Set(["octo/b"]));
});

testOverDatabases("AccessStore.save() stores nothing for an earlier epoch", async (
  { database },
) => {
  const { store, save } = await setUp(database);
  const epoch = await store.epoch();
  await database.write((tx) => invalidateAccess(tx, [1]));
  assertEquals(await save({ epoch }), false);
  assertEquals((await store.load(7, 0)).unchecked, [A, B].map(toRepositoryRef));
});

testOverDatabases(
  "invalidateAccess() deletes the access of all users to some repositories, or to all",
  async (
    { database },
  ) => {
    const { store, save, users } = await setUp(database);
    await save();
    await save({ userId: 8 });
    const before = await store.epoch();
    await database.write((tx) => invalidateAccess(tx, []));
    assertEquals(await store.epoch(), before);
    await database.write((tx) => invalidateAccess(tx, [1]));
    assertEquals(await store.epoch(), before + 1);
    for (const user of [7, 8]) {
      assertEquals((await store.load(user, 0)).unchecked, [A].map(toRepositoryRef));
    }
    assertEquals((await users.findById(7))?.membershipCheckedAt, NOW);
    await database.write((tx) => invalidateAccess(tx, "all"));
    assertEquals((await store.load(7, 0)).unchecked, [A, B].map(toRepositoryRef));
    assertEquals((await users.findById(7))?.membershipCheckedAt, 0);
  },
);

testOverDatabases(
  "AccessStore.save() stores nothing that a concurrent change has invalidated",
  async (
    { database, connectAgain },
  ) => {
    const { store, save } = await setUp(database);
    const other = await connectAgain();
    for (let round = 0; round < 20; round++) {
      const epoch = await store.epoch();
      const [isSaved] = await Promise.all([
        save({ epoch }),
        other.write((tx) => invalidateAccess(tx, [1, 2])),
      ]);
      const { unchecked } = await store.load(7, 0);
      assertEquals(unchecked.length, 2, `round ${round}, saved: ${isSaved}`);
    }
  },
);

testOverDatabases(
  "A new or renamed repository, and one that becomes private, increments the epoch",
  async (
    { database },
  ) => {
    const { store, repositories, save } = await setUp(database);
    const epochs = [await store.epoch()];
    const put = async (repository: typeof A & { readonly isPrivate?: boolean }) => {
      await repositories.upsert([repository]);
      epochs.push(await store.epoch());
    };
    await save();
    await put(C);
    assertEquals((await store.load(7, NOW)).unchecked, [C].map(toRepositoryRef));
    await put({ ...A, fullName: "octo/z" });
    assertEquals((await store.load(7, NOW)).readable, new Set(["octo/z", "octo/a"]));
    await put({ ...A, fullName: "octo/z", isPrivate: false });
    await put({ ...A, fullName: "octo/z", isPrivate: true });
    assertEquals((await store.load(7, NOW)).unchecked.map(({ id }) => id), [1, 3]);
    const [first = 0] = epochs;
    assertEquals(epochs, [first, first + 1, first + 2, first + 2, first + 3]);
  },
);

testOverDatabases("AccessStore.load() hides a name that an unreadable repository had", async (
  { database },
) => {
  const { store, repositories, save } = await setUp(database);
  await repositories.markRemoved([2]);
  await repositories.upsert([{ ...C, fullName: "OCTO/B" }]);
  await save({ readable: [1, 3], unreadable: [2] });
  assertEquals((await store.load(7, NOW)).readable, new Set(["octo/a"]));
  await save({ readable: [1, 2, 3], unreadable: [] });
  assertEquals((await store.load(7, NOW)).readable, new Set(["octo/a", "octo/b"]));
});

testOverDatabases("AccessStore.load() includes previous names of a repository", async (
  { database },
) => {
  const { store, repositories, save } = await setUp(database);
  await repositories.upsert([{ ...A, fullName: "octo/now" }, { ...B, fullName: "octo/hidden" }]);
  // A readable repository has the name that events of B still have.
  await repositories.upsert([{ ...C, fullName: "Octo/B" }]);
  await save({ readable: [1, 3] });
  const { readable } = await store.load(7, NOW);
  assertEquals(readable, new Set(["octo/now", "octo/a"]));
  await save({ readable: [1, 2, 3], unreadable: [] });
  const all = await store.load(7, NOW);
  assertEquals(all.readable, new Set(["octo/now", "octo/a", "octo/hidden", "octo/b"]));
});
