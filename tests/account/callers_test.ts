import { assertEquals, assertRejects } from "@std/assert";
import { OPEN_CALLER } from "../../src/account/caller.ts";
import { AccountCallers } from "../../src/account/callers.ts";
import { newKeySecret } from "../../src/account/key_secret.ts";
import { createKey } from "../../src/account/new_key.ts";
import { issueTicket } from "../../src/account/new_ticket.ts";
import { PERMISSIONS, permissionsOf } from "../../src/account/permission.ts";
import { hashOf, systemRandomBytes as random } from "../../src/account/secret.ts";
import { TICKET_MS } from "../../src/account/ticket.ts";
import { RefusedError } from "../../src/errors.ts";
import type { Database } from "../../src/sql/database.ts";
import { accountStores, aProfile, someTokens } from "../fakes/account.ts";
import { SetClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;
const IN_MEMORY = { kinds: ["memory"] } as const;

async function setUp(database: Database) {
  const clock = new SetClock(NOW);
  const stores = accountStores(database, clock);
  const { users, sessions, keys, tickets } = stores;
  await users.signIn({ profile: aProfile(), tokens: someTokens(), role: "viewer" });
  await sessions.create({ id: hashOf("a session"), userId: 7 });
  const seen = new Set(["octo/a"]);
  const login = {
    sessions,
    access: {
      visible: (userId: number) => Promise.resolve(userId === 7 ? seen : new Set<string>()),
      mayRead: (userId: number, { id }: { readonly id: number }) =>
        Promise.resolve(userId === 7 && id === 1),
    },
    membership: { holds: () => Promise.resolve(true) },
  };
  const options = { keys, tickets, clock, login };
  const addKey = async (expiresAt: number | null = null) =>
    await createKey({ name: "ci", scopes: ["read", "cast"], budgetCents: null, expiresAt }, {
      keys,
      random,
    });
  return {
    ...stores,
    clock,
    seen,
    options,
    addKey,
    callers: new AccountCallers(options),
    /** Of the same, where no login is configured. */
    open: new AccountCallers({ ...options, login: undefined }),
  };
}

testOverDatabases("AccountCallers lets anybody in without credentials, only while open", async (
  { database },
) => {
  const { open, callers } = await setUp(database);
  assertEquals([open.isOpen, await open.identify({})], [true, OPEN_CALLER]);
  assertEquals(await open.identify({ session: "a session" }), OPEN_CALLER);
  assertEquals(await open.again(OPEN_CALLER), OPEN_CALLER);
  assertEquals([callers.isOpen, await callers.identify({})], [false, undefined]);
  assertEquals(await callers.again(OPEN_CALLER), undefined);
}, IN_MEMORY);

testOverDatabases("AccountCallers knows a user by the session's token", async ({ database }) => {
  const { callers, seen, users, sessions } = await setUp(database);
  const caller = await callers.identify({ session: "a session" });
  assertEquals([caller?.kind, caller?.account], ["session", "user 7"]);
  assertEquals(caller?.permissions, permissionsOf("viewer"));
  assertEquals(await caller?.visible(), seen);
  assertEquals(await caller?.mayRead({ id: 1, fullName: "octo/a" }), true);
  assertEquals(await caller?.mayRead({ id: 2, fullName: "octo/b" }), false);
  for (const session of ["another", "", hashOf("a session")]) {
    assertEquals(await callers.identify({ session }), undefined, session);
  }
  await users.setRole(7, "admin");
  assertEquals(caller && (await callers.again(caller))?.permissions, new Set(PERMISSIONS));
  await sessions.endAll(7);
  assertEquals(caller && await callers.again(caller), undefined);
}, IN_MEMORY);

testOverDatabases("AccountCallers knows a program by its key, in open mode too", async (
  { database },
) => {
  const { open, callers: closed, addKey, keys } = await setUp(database);
  for (const callers of [open, closed]) {
    const { secret, key } = await addKey();
    const caller = await callers.identify({ key: secret, session: "a session" });
    assertEquals([caller?.kind, caller?.account], ["key", `key ${key.id}`]);
    assertEquals(caller?.permissions, new Set(["read", "cast"]));
    assertEquals([await caller?.visible(), await caller?.mayRead({ id: 9, fullName: "a/b" })], [
      "all",
      true,
    ]);
    for (const wrong of ["", "rw_live_", newKeySecret(random), hashOf(secret), ` ${secret}`]) {
      assertEquals(await callers.identify({ key: wrong, session: "a session" }), undefined, wrong);
    }
    await keys.revoke(key.id);
    assertEquals(await callers.identify({ key: secret }), undefined);
    assertEquals(caller && await callers.again(caller), undefined);
  }
}, IN_MEMORY);

testOverDatabases("AccountCallers asks the database for no key with a wrong checksum", async (
  { database },
) => {
  const { options, addKey } = await setUp(database);
  const { secret } = await addKey();
  const { keys } = options;
  let asked = 0;
  const counting = {
    byId: (id: number) => keys.byId(id),
    noteUse: (id: number) => keys.noteUse(id),
    byHash: (hash: string) => {
      asked++;
      return keys.byHash(hash);
    },
  };
  const callers = new AccountCallers({ ...options, keys: counting });
  await callers.identify({ key: `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}` });
  assertEquals(asked, 0);
  await callers.identify({ key: secret });
  assertEquals(asked, 1);
}, IN_MEMORY);

testOverDatabases("AccountCallers refuses a key from the moment that it expires", async (
  { database },
) => {
  const { callers, clock, addKey } = await setUp(database);
  const { secret } = await addKey(NOW + 10);
  clock.time = NOW + 9;
  const caller = await callers.identify({ key: secret });
  assertEquals(caller?.kind, "key");
  clock.time = NOW + 10;
  assertEquals(await callers.identify({ key: secret }), undefined);
  assertEquals(caller && await callers.again(caller), undefined);
}, IN_MEMORY);

testOverDatabases("AccountCallers notes when a key was used, to the minute", async (
  { database },
) => {
  const { callers, clock, keys, addKey } = await setUp(database);
  const { secret, key } = await addKey();
  const usedAfter = async (ms: number) => {
    clock.time = NOW + ms;
    await callers.identify({ key: secret });
    return ((await keys.byId(key.id))?.usedAt ?? 0) - NOW;
  };
  assertEquals(await usedAfter(0), 0);
  assertEquals(await usedAfter(MINUTE_MS - 1), 0);
  assertEquals(await usedAfter(MINUTE_MS), MINUTE_MS);
});

testOverDatabases("AccountCallers knows by a ticket who asked for it, once and for 30 s", async (
  { database },
) => {
  const { callers, clock, tickets, addKey, sessions } = await setUp(database);
  const { secret } = await addKey();
  const issue = async (credentials: { key?: string; session?: string }) => {
    const caller = await callers.identify(credentials);
    if (!caller) throw new Error("Nobody");
    return await issueTicket(caller, { tickets, clock, random });
  };
  const ofKey = await issue({ key: secret });
  assertEquals(ofKey.expiresAt, NOW + TICKET_MS);
  assertEquals((await callers.identify({ ticket: ofKey.ticket }))?.kind, "key");
  assertEquals(await callers.identify({ ticket: ofKey.ticket }), undefined);
  const ofUser = await issue({ session: "a session" });
  assertEquals((await callers.identify({ ticket: ofUser.ticket }))?.account, "user 7");
  const late = await issue({ key: secret });
  clock.time += TICKET_MS;
  assertEquals(await callers.identify({ ticket: late.ticket }), undefined);
  const orphan = await issue({ session: "a session" });
  await sessions.endAll(7);
  assertEquals(await callers.identify({ ticket: orphan.ticket }), undefined);
  assertEquals(await callers.identify({ ticket: "made up", session: "a session" }), undefined);
});

testOverDatabases("AccountCallers lets nobody in by an open ticket once there is a login", async (
  { database },
) => {
  const { open, callers, clock, tickets } = await setUp(database);
  const [first, second] = [
    await issueTicket(OPEN_CALLER, { tickets, clock, random }),
    await issueTicket(OPEN_CALLER, { tickets, clock, random }),
  ];
  assertEquals(await open.identify({ ticket: first.ticket }), OPEN_CALLER);
  assertEquals(await callers.identify({ ticket: second.ticket }), undefined);
}, IN_MEMORY);

testOverDatabases("AccountCallers lets in only who still belongs", async ({ database }) => {
  const { options } = await setUp(database);
  const { login } = options;
  const outcomes = [
    () => Promise.resolve(false),
    () => Promise.reject(new RefusedError({ kind: "unavailable" }, "502")),
  ];
  const [left, unknown] = outcomes.map((holds) =>
    new AccountCallers({ ...options, login: { ...login, membership: { holds } } })
  );
  assertEquals(await left?.identify({ session: "a session" }), undefined);
  await assertRejects(
    async () => await unknown?.identify({ session: "a session" }),
    RefusedError,
    "502",
  );
}, IN_MEMORY);
