import { assertEquals } from "@std/assert";
import { AesCipher } from "../../src/account/crypto.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { SqlAccessStore } from "../../src/sql/account/access.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlDeliveryStore } from "../../src/sql/delivery/delivery.ts";
import { SqlRepositoryStore } from "../../src/sql/repository.ts";
import { SqlSessionStore } from "../../src/sql/account/session.ts";
import { SqlUserStore } from "../../src/sql/account/user.ts";
import { aProfile, someTokens, TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { aRun } from "../fakes/stores/github.ts";

const NOW = 1_767_225_600_000;
const REPOSITORIES = [1, 2, 3].map((id) => ({ id, fullName: `octo/${id}`, pushedAt: null }));

/** Two signed-in users with access to three repositories. */
async function setUp(database: Database) {
  const clock = new ManualClock(NOW);
  const users = new SqlUserStore({ database, clock, cipher: new AesCipher(TEST_SESSION_SECRET) });
  const sessions = new SqlSessionStore(database, clock);
  const access = new SqlAccessStore(database);
  const deliveries = new SqlDeliveryStore(database, clock);
  await new SqlRepositoryStore(database, clock).upsert(REPOSITORIES);
  const epoch = await access.epoch();
  for (const userId of [7, 8]) {
    await users.saveSignIn({
      profile: aProfile({ id: userId }),
      tokens: someTokens(),
      role: "member",
    });
    await sessions.create({ id: `session of ${userId}`, userId });
    const readable = REPOSITORIES.map(({ id }) => id);
    await access.save({ userId, epoch, readable, unreadable: [], checkedAt: NOW });
  }
  return {
    users,
    sessions,
    access,
    deliveries,
    epoch,
    unchecked: async (userId: number) =>
      (await access.load(userId, NOW)).unchecked.map(({ id }) => id),
    apply: async (id: string, changes: Partial<ChangeSet>) => {
      await deliveries.store(aDelivery({ id }));
      return await deliveries.apply(id, { ...EMPTY_CHANGE_SET, ...changes });
    },
  };
}

testOverDatabases(
  "DeliveryStore.apply() invalidates access to a repository whose permissions changed",
  async (
    { database },
  ) => {
    const { apply, unchecked, access, epoch } = await setUp(database);
    await apply("a", { accessChanged: [2] });
    assertEquals([await unchecked(7), await unchecked(8)], [[2], [2]]);
    assertEquals(await access.epoch(), epoch + 1);
    await apply("b", { accessChanged: "all" });
    assertEquals([await unchecked(7), await unchecked(8)], [[1, 2, 3], [1, 2, 3]]);
    assertEquals(await access.epoch(), epoch + 2);
  },
);

testOverDatabases("DeliveryStore.apply() leaves other cached access unchanged", async (
  { database },
) => {
  const { apply, unchecked, access, sessions, epoch } = await setUp(database);
  await apply("a", { runs: [aRun({ id: 1, repository: "octo/1" })] });
  assertEquals([await unchecked(7), await access.epoch()], [[], epoch]);
  assertEquals((await sessions.find("session of 7"))?.user.id, 7);
});

testOverDatabases(
  "DeliveryStore.apply() invalidates all access if very many repositories changed",
  async (
    { database },
  ) => {
    const { apply, unchecked } = await setUp(database);
    await apply("a", { accessChanged: Array.from({ length: 40_000 }, (_, at) => at + 2) });
    assertEquals(await unchecked(7), [1, 2, 3]);
  },
);

testOverDatabases(
  "DeliveryStore.storeAndApply() invalidates access in the transaction of the delivery",
  async (
    { database },
  ) => {
    const { deliveries, unchecked, access, epoch } = await setUp(database);
    const broken = { ...EMPTY_CHANGE_SET, runs: [aRun({ createdAt: "not a time" })] };
    const changes: ChangeSet = { ...broken, accessChanged: [1] };
    const { status } = await deliveries.storeAndApply(aDelivery({ id: "a" }), changes);
    assertEquals([status, await unchecked(7), await access.epoch()], ["stored", [], epoch]);
    await deliveries.storeAndApply(aDelivery({ id: "b", orderingKey: "delivery b" }), {
      ...EMPTY_CHANGE_SET,
      accessChanged: [1],
    });
    assertEquals(await unchecked(7), [1]);
  },
);

testOverDatabases(
  "DeliveryStore.apply() ends all sessions of a user who revoked the authorization",
  async (
    { database },
  ) => {
    const { apply, users, sessions } = await setUp(database);
    const before = await users.loadTokens(7);
    assertEquals(await apply("a", { revokedUsers: [7, 99] }), []);
    assertEquals([await users.loadTokens(7), await sessions.find("session of 7")], [
      undefined,
      undefined,
    ]);
    assertEquals((await users.loadTokens(8))?.accessToken, "gho_one");
    assertEquals((await sessions.find("session of 8"))?.user.id, 8);
    // A concurrent token refresh fails.
    assertEquals(await users.replaceTokens(7, before?.version ?? 0, someTokens()), false);
  },
);
