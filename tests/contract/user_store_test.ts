import { assert, assertEquals } from "@std/assert";
import { AesCipher } from "../../src/account/crypto.ts";
import type { Role } from "../../src/account/permission.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlUserStore } from "../../src/sql/account/user.ts";
import { aProfile, someTokens, TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;

function setUp(database: Database, { secret = TEST_SESSION_SECRET } = {}) {
  const clock = new ManualClock(NOW);
  const store = new SqlUserStore({ database, clock, cipher: new AesCipher(secret) });
  const signIn = (id: number, login: string, role: Role = "member") =>
    store.saveSignIn({ profile: aProfile({ id, login }), tokens: someTokens(), role });
  return { clock, store, signIn };
}

testOverDatabases("UserStore.saveSignIn() stores a new user, and later updates the profile", async (
  { database },
) => {
  const { clock, store } = setUp(database);
  const tokens = someTokens();
  const user = await store.saveSignIn({ profile: aProfile(), tokens, role: "member" });
  assertEquals(user, {
    ...aProfile(),
    role: "member",
    createdAt: NOW,
    signedInAt: NOW,
    membershipCheckedAt: NOW,
  });
  clock.time += 5;
  const renamed = aProfile({ login: "lisa", name: null, avatarUrl: "https://a.example/7" });
  const again = await store.saveSignIn({ profile: renamed, tokens, role: "viewer" });
  const expected = { ...renamed, role: "member" as const, createdAt: NOW };
  assertEquals(again, { ...expected, signedInAt: NOW + 5, membershipCheckedAt: NOW + 5 });
  assertEquals(await store.findById(7), again);
  assertEquals(await store.findById(8), undefined);
});

testOverDatabases(
  "UserStore.saveSignIn() promotes to admin and never demotes",
  async ({ database }) => {
    const { signIn } = setUp(database);
    assertEquals((await signIn(7, "mona", "viewer")).role, "viewer");
    assertEquals((await signIn(7, "mona", "admin")).role, "admin");
    assertEquals((await signIn(7, "mona", "viewer")).role, "admin");
  },
);

testOverDatabases("UserStore.list() sorts logins case-insensitively, in pages", async (
  { database },
) => {
  const { store, signIn } = setUp(database);
  for (const [id, login] of [[1, "bo"], [2, "Al"], [3, "al"], [4, "Cy"]] as const) {
    await signIn(id, login);
  }
  const logins = async (page: number) => {
    const { total, users } = await store.list({ page, perPage: 3 });
    return [total, ...users.map((user) => user.login)];
  };
  assertEquals(await logins(1), [4, "Al", "al", "bo"]);
  assertEquals(await logins(2), [4, "Cy"]);
});

testOverDatabases(
  "UserStore.setRole() keeps the last admin",
  async ({ database, connectAgain }) => {
    const { store, signIn } = setUp(database);
    await signIn(1, "one", "admin");
    await signIn(2, "two", "admin");
    assertEquals(await store.setRole(9, "admin"), undefined);
    const other = setUp(await connectAgain()).store;
    for (let round = 0; round < 10; round++) {
      await store.setRole(1, "admin");
      await other.setRole(2, "admin");
      const outcomes = await Promise.all([store.setRole(1, "viewer"), other.setRole(2, "viewer")]);
      assertEquals(outcomes.filter((each) => each === "last_admin").length, 1);
      const { users } = await store.list({ page: 1, perPage: 9 });
      assertEquals(users.map(({ role }) => role).toSorted(), ["admin", "viewer"]);
    }
  },
);

testOverDatabases("UserStore.recordMembership() does not overwrite a concurrent change", async (
  { database },
) => {
  const { store, signIn } = setUp(database);
  await signIn(7, "mona");
  await store.recordMembership(7, { at: NOW + 9, previous: NOW });
  await store.recordMembership(7, { at: NOW + 10, previous: NOW });
  assertEquals((await store.findById(7))?.membershipCheckedAt, NOW + 9);
});

testOverDatabases("UserStore.tokens() are encrypted for one user with one secret", async (
  { database },
) => {
  const { store, signIn } = setUp(database);
  const tokens = someTokens({ expiresAt: NOW + 1, refreshToken: "ghr_x", refreshExpiresAt: 2 });
  await store.saveSignIn({ profile: aProfile(), tokens, role: "member" });
  assertEquals(await store.loadTokens(7), { ...tokens, version: 1 });
  await signIn(8, "other");
  const rows = await database.read((db) => db.selectFrom("users").selectAll().execute());
  assert(!JSON.stringify(rows).includes("gho_"), "in plain text");
  await database.write(async (tx) => {
    const stolen = rows.find(({ id }) => id === 7)?.tokens ?? "";
    await tx.updateTable("users").set({ tokens: stolen }).where("id", "=", 8).execute();
  });
  assertEquals(await store.loadTokens(8), undefined);
  const changed = setUp(database, { secret: TEST_SESSION_SECRET.toUpperCase() }).store;
  assertEquals(await changed.loadTokens(7), undefined);
  assertEquals(await store.loadTokens(9), undefined);
});

testOverDatabases("UserStore.replaceTokens() requires the current version", async (
  { database },
) => {
  const { store, signIn } = setUp(database);
  await signIn(7, "mona");
  const [a, b] = [someTokens({ accessToken: "gho_a" }), someTokens({ accessToken: "gho_b" })];
  const replaced = await Promise.all([store.replaceTokens(7, 1, a), store.replaceTokens(7, 1, b)]);
  assertEquals(replaced.toSorted(), [false, true]);
  assertEquals(await store.loadTokens(7), { ...(replaced[0] ? a : b), version: 2 });
  assertEquals(await store.deleteTokens(7, 1), false);
  assertEquals((await store.loadTokens(7))?.version, 2);
  assertEquals(await store.deleteTokens(7, 2), true);
  assertEquals(await store.loadTokens(7), undefined);
  await signIn(7, "mona");
  assertEquals(await store.loadTokens(7), { ...someTokens(), version: 4 });
});
