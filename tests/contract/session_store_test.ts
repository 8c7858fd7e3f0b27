import { assertEquals } from "@std/assert";
import { AesCipher } from "../../src/account/crypto.ts";
import { SESSION_IDLE_TIMEOUT_MS, SESSION_MAX_AGE_MS } from "../../src/account/session.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlSessionStore } from "../../src/sql/account/session.ts";
import { SqlTicketStore } from "../../src/sql/account/ticket.ts";
import { SqlUserStore } from "../../src/sql/account/user.ts";
import { aProfile, someTokens, TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;

async function setUp(database: Database) {
  const clock = new ManualClock(NOW);
  const users = new SqlUserStore({ database, clock, cipher: new AesCipher(TEST_SESSION_SECRET) });
  const [mona, hubot] = await Promise.all(
    [7, 8].map((id) =>
      users.saveSignIn({ profile: aProfile({ id }), tokens: someTokens(), role: "member" })
    ),
  );
  return { clock, users, mona, hubot, sessions: new SqlSessionStore(database, clock) };
}

testOverDatabases(
  "SessionStore.find() returns a session with the current state of its user",
  async (
    { database },
  ) => {
    const { sessions, users, mona } = await setUp(database);
    await sessions.create({ id: "a", userId: 7 });
    const session = { id: "a", user: mona, createdAt: NOW, lastUsedAt: NOW };
    assertEquals(await sessions.find("a"), session);
    assertEquals(await sessions.find("b"), undefined);
    await users.setRole(7, "viewer");
    assertEquals((await sessions.find("a"))?.user.role, "viewer");
  },
);

testOverDatabases(
  "SessionStore.find() updates the last use at most once a minute",
  async ({ database }) => {
    const { sessions, clock } = await setUp(database);
    await sessions.create({ id: "a", userId: 7 });
    const usedAfter = async (ms: number) => {
      clock.time = NOW + ms;
      await sessions.find("a");
      return ((await sessions.find("a"))?.lastUsedAt ?? 0) - NOW;
    };
    assertEquals(await usedAfter(MINUTE_MS - 1), 0);
    assertEquals(await usedAfter(MINUTE_MS), MINUTE_MS);
    assertEquals(await usedAfter(MINUTE_MS + 1), MINUTE_MS);
  },
);

testOverDatabases("SessionStore.find() returns no session unused for 7 days", async (
  { database },
) => {
  const { sessions, clock } = await setUp(database);
  await sessions.create({ id: "a", userId: 7 });
  clock.time += SESSION_IDLE_TIMEOUT_MS - 1;
  assertEquals((await sessions.find("a"))?.id, "a");
  clock.time += SESSION_IDLE_TIMEOUT_MS;
  assertEquals(await sessions.find("a"), undefined);
});

testOverDatabases(
  "SessionStore.find() returns no session after 30 days, even if used",
  async (
    { database },
  ) => {
    const { sessions, clock } = await setUp(database);
    await sessions.create({ id: "a", userId: 7 });
    while (clock.time + SESSION_IDLE_TIMEOUT_MS / 2 < NOW + SESSION_MAX_AGE_MS) {
      clock.time += SESSION_IDLE_TIMEOUT_MS / 2;
      assertEquals((await sessions.find("a"))?.id, "a");
    }
    clock.time = NOW + SESSION_MAX_AGE_MS - 1;
    assertEquals((await sessions.find("a"))?.id, "a");
    clock.time = NOW + SESSION_MAX_AGE_MS;
    assertEquals(await sessions.find("a"), undefined);
  },
);

testOverDatabases(
  "SessionStore.end() ends one session and returns the number of remaining ones",
  async (
    { database },
  ) => {
    const { sessions, clock } = await setUp(database);
    await sessions.create({ id: "expired", userId: 7 });
    clock.time += SESSION_IDLE_TIMEOUT_MS;
    for (const id of ["a", "b"]) await sessions.create({ id, userId: 7 });
    await sessions.create({ id: "c", userId: 8 });
    assertEquals(await sessions.end("a"), { userId: 7, remaining: 1 });
    assertEquals(await sessions.end("a"), undefined);
    assertEquals(await sessions.find("a"), undefined);
    assertEquals((await sessions.find("b"))?.id, "b");
    assertEquals(await sessions.end("b"), { userId: 7, remaining: 0 });
  },
);

testOverDatabases("SessionStore.endAll() ends the sessions of one user, with their tickets", async (
  { database },
) => {
  const { sessions, clock } = await setUp(database);
  const tickets = new SqlTicketStore(database, clock);
  for (const id of ["a", "b"]) await sessions.create({ id, userId: 7 });
  await sessions.create({ id: "c", userId: 8 });
  await tickets.create({ id: "t", holder: { sessionId: "a" }, expiresAt: NOW + 1 });
  assertEquals(await sessions.endAll(7), 2);
  assertEquals(await sessions.endAll(7), 0);
  assertEquals(await sessions.find("b"), undefined);
  assertEquals((await sessions.find("c"))?.id, "c");
  assertEquals(await tickets.consume("t"), undefined);
});

testOverDatabases("SessionStore.deleteExpired() deletes expired sessions", async ({ database }) => {
  const { sessions, clock } = await setUp(database);
  await sessions.create({ id: "old", userId: 7 });
  clock.time += SESSION_IDLE_TIMEOUT_MS;
  await sessions.create({ id: "new", userId: 7 });
  assertEquals(await sessions.deleteExpired(), 1);
  const rows = await database.read((db) => db.selectFrom("sessions").select("id").execute());
  assertEquals(rows, [{ id: "new" }]);
});
