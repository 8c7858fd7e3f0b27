import { assertEquals } from "@std/assert";
import type { NewApiKey } from "../../src/account/api_key.ts";
import { SqlApiKeyStore } from "../../src/sql/account/api_key.ts";
import { SqlTicketStore } from "../../src/sql/account/ticket.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;
const KEY: NewApiKey = {
  name: "ci",
  prefix: "rw_live_abcd",
  hash: "00ff",
  scopes: ["read", "cast"],
  budgetCents: 500,
  expiresAt: NOW + 1_000,
};

testOverDatabases("ApiKeyStore.findByHash() finds a key only by its hash", async ({ database }) => {
  const store = new SqlApiKeyStore(database, new ManualClock(NOW));
  const key = await store.create(KEY);
  const { hash: _, ...stored } = KEY;
  assertEquals(key, { ...stored, id: key.id, createdAt: NOW, lastUsedAt: null, revokedAt: null });
  assertEquals(await store.findByHash("00ff"), key);
  assertEquals(await store.findByHash("00fe"), undefined);
  assertEquals(await store.findById(key.id), key);
  assertEquals(await store.findById(key.id + 1), undefined);
});

testOverDatabases("ApiKeyStore.list() returns the newest key first", async ({ database }) => {
  const store = new SqlApiKeyStore(database, new ManualClock(NOW));
  for (const name of ["a", "b", "c"]) {
    await store.create({ ...KEY, name, hash: name, budgetCents: null, expiresAt: null });
  }
  const { total, keys } = await store.list({ page: 1, perPage: 2 });
  assertEquals([total, ...keys.map(({ name }) => name)], [3, "c", "b"]);
  assertEquals((await store.list({ page: 2, perPage: 2 })).keys.map(({ name }) => name), ["a"]);
  assertEquals(keys[0]?.budgetCents, null);
  assertEquals(keys[0]?.expiresAt, null);
});

testOverDatabases(
  "ApiKeyStore.revoke() keeps the time of the first revocation",
  async ({ database }) => {
    const clock = new ManualClock(NOW);
    const store = new SqlApiKeyStore(database, clock);
    const { id } = await store.create(KEY);
    assertEquals((await store.revoke(id))?.revokedAt, NOW);
    clock.time += 1;
    assertEquals((await store.revoke(id))?.revokedAt, NOW);
    assertEquals((await store.findByHash("00ff"))?.revokedAt, NOW);
    assertEquals(await store.revoke(id + 1), undefined);
  },
);

testOverDatabases(
  "ApiKeyStore.recordUse() updates the last use at most once a minute",
  async ({ database }) => {
    const clock = new ManualClock(NOW);
    const store = new SqlApiKeyStore(database, clock);
    const { id } = await store.create(KEY);
    const usedAfter = async (ms: number) => {
      clock.time = NOW + ms;
      await store.recordUse(id);
      return ((await store.findById(id))?.lastUsedAt ?? 0) - NOW;
    };
    assertEquals(await usedAfter(1), 1);
    assertEquals(await usedAfter(MINUTE_MS), 1);
    assertEquals(await usedAfter(MINUTE_MS + 1), MINUTE_MS + 1);
  },
);

testOverDatabases("TicketStore.consume() returns a ticket to one of many callers", async (
  { database, connectAgain },
) => {
  const clock = new ManualClock(NOW);
  const { id: keyId } = await new SqlApiKeyStore(database, clock).create(KEY);
  const tickets = new SqlTicketStore(database, clock);
  const otherTickets = new SqlTicketStore(await connectAgain(), clock);
  await tickets.create({ id: "t", holder: { keyId }, expiresAt: NOW + 1 });
  const consumed = await Promise.all(
    [tickets, otherTickets, tickets].map((each) => each.consume("t")),
  );
  assertEquals(consumed.filter((each) => each !== undefined), [{ keyId }]);
  await tickets.create({ id: "a", holder: "anonymous", expiresAt: NOW + 1 });
  assertEquals(await tickets.consume("a"), "anonymous");
});

testOverDatabases("TicketStore.consume() returns no expired ticket", async ({ database }) => {
  const clock = new ManualClock(NOW);
  const tickets = new SqlTicketStore(database, clock);
  await tickets.create({ id: "a", holder: "anonymous", expiresAt: NOW + 1 });
  await tickets.create({ id: "b", holder: "anonymous", expiresAt: NOW + 1 });
  await tickets.create({ id: "c", holder: "anonymous", expiresAt: NOW + 2 });
  clock.time += 1;
  assertEquals(await tickets.consume("a"), undefined);
  assertEquals(await tickets.deleteExpired(), 1);
  assertEquals(await tickets.consume("c"), "anonymous");
});
