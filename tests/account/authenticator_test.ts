import { assertEquals, assertRejects } from "@std/assert";
import { ANONYMOUS_ADMIN } from "../../src/account/principal.ts";
import { AccountAuthenticator } from "../../src/account/authenticator.ts";
import { createApiKey, generateApiKeySecret } from "../../src/account/api_key.ts";
import { issueTicket, TICKET_TTL_MS } from "../../src/account/ticket.ts";
import { PERMISSIONS, toPermissions } from "../../src/account/permission.ts";
import { sha256Hex, systemRandomBytes as random } from "../../src/account/crypto.ts";
import { GitHubError } from "../../src/errors.ts";
import type { Database } from "../../src/sql/database.ts";
import { aProfile, createAccountStores, someTokens } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;
const IN_MEMORY = { kinds: ["memory"] } as const;

async function setUp(database: Database) {
  const clock = new ManualClock(NOW);
  const stores = createAccountStores(database, clock);
  const { users, sessions, keys, tickets } = stores;
  await users.saveSignIn({ profile: aProfile(), tokens: someTokens(), role: "viewer" });
  await sessions.create({ id: sha256Hex("a session"), userId: 7 });
  const readable = new Set(["octo/a"]);
  const login = {
    sessions,
    access: {
      visibility: (userId: number) => Promise.resolve(userId === 7 ? readable : new Set<string>()),
      canRead: (userId: number, { id }: { readonly id: number }) =>
        Promise.resolve(userId === 7 && id === 1),
    },
    membership: { isCurrent: () => Promise.resolve(true) },
  };
  const options = { keys, tickets, clock, login };
  const addKey = async (expiresAt: number | null = null) =>
    await createApiKey({ name: "ci", scopes: ["read", "cast"], budgetCents: null, expiresAt }, {
      keys,
      random,
    });
  return {
    ...stores,
    clock,
    readable,
    options,
    addKey,
    authenticator: new AccountAuthenticator(options),
    /** With the same stores, without a login. */
    openAuthenticator: new AccountAuthenticator({ ...options, login: undefined }),
  };
}

testOverDatabases(
  "AccountAuthenticator accepts clients without credentials only if no login is configured",
  async (
    { database },
  ) => {
    const { openAuthenticator, authenticator } = await setUp(database);
    assertEquals([openAuthenticator.isAnonymousAllowed, await openAuthenticator.authenticate({})], [
      true,
      ANONYMOUS_ADMIN,
    ]);
    assertEquals(await openAuthenticator.authenticate({ session: "a session" }), ANONYMOUS_ADMIN);
    assertEquals(await openAuthenticator.reauthenticate(ANONYMOUS_ADMIN), ANONYMOUS_ADMIN);
    assertEquals([authenticator.isAnonymousAllowed, await authenticator.authenticate({})], [
      false,
      undefined,
    ]);
    assertEquals(await authenticator.reauthenticate(ANONYMOUS_ADMIN), undefined);
  },
  IN_MEMORY,
);

testOverDatabases(
  "AccountAuthenticator authenticates a user by session token",
  async ({ database }) => {
    const { authenticator, readable, users, sessions } = await setUp(database);
    const principal = await authenticator.authenticate({ session: "a session" });
    assertEquals([principal?.kind, principal?.id], ["session", "user 7"]);
    assertEquals(principal?.permissions, toPermissions("viewer"));
    assertEquals(await principal?.visibility(), readable);
    assertEquals(await principal?.canRead({ id: 1, fullName: "octo/a" }), true);
    assertEquals(await principal?.canRead({ id: 2, fullName: "octo/b" }), false);
    for (const session of ["another", "", sha256Hex("a session")]) {
      assertEquals(await authenticator.authenticate({ session }), undefined, session);
    }
    await users.setRole(7, "admin");
    assertEquals(
      principal && (await authenticator.reauthenticate(principal))?.permissions,
      new Set(PERMISSIONS),
    );
    await sessions.endAll(7);
    assertEquals(principal && await authenticator.reauthenticate(principal), undefined);
  },
  IN_MEMORY,
);

testOverDatabases(
  "AccountAuthenticator authenticates a program by key, also if no login is configured",
  async (
    { database },
  ) => {
    const { openAuthenticator, authenticator: closed, addKey, keys } = await setUp(database);
    for (const authenticator of [openAuthenticator, closed]) {
      const { secret, key } = await addKey();
      const principal = await authenticator.authenticate({ key: secret, session: "a session" });
      assertEquals([principal?.kind, principal?.id], ["key", `key ${key.id}`]);
      assertEquals(principal?.permissions, new Set(["read", "cast"]));
      assertEquals(
        [await principal?.visibility(), await principal?.canRead({ id: 9, fullName: "a/b" })],
        [
          "all",
          true,
        ],
      );
      for (
        const wrong of [
          "",
          "rw_live_",
          generateApiKeySecret(random),
          sha256Hex(secret),
          ` ${secret}`,
        ]
      ) {
        assertEquals(
          await authenticator.authenticate({ key: wrong, session: "a session" }),
          undefined,
          wrong,
        );
      }
      await keys.revoke(key.id);
      assertEquals(await authenticator.authenticate({ key: secret }), undefined);
      assertEquals(principal && await authenticator.reauthenticate(principal), undefined);
    }
  },
  IN_MEMORY,
);

testOverDatabases(
  "AccountAuthenticator rejects a key with a wrong checksum without a query",
  async (
    { database },
  ) => {
    const { options, addKey } = await setUp(database);
    const { secret } = await addKey();
    const { keys } = options;
    let queries = 0;
    const counting = {
      findById: (id: number) => keys.findById(id),
      recordUse: (id: number) => keys.recordUse(id),
      findByHash: (hash: string) => {
        queries++;
        return keys.findByHash(hash);
      },
    };
    const authenticator = new AccountAuthenticator({ ...options, keys: counting });
    await authenticator.authenticate({
      key: `${secret.slice(0, -1)}${secret.endsWith("a") ? "b" : "a"}`,
    });
    assertEquals(queries, 0);
    await authenticator.authenticate({ key: secret });
    assertEquals(queries, 1);
  },
  IN_MEMORY,
);

testOverDatabases("AccountAuthenticator rejects a key as soon as it expires", async (
  { database },
) => {
  const { authenticator, clock, addKey } = await setUp(database);
  const { secret } = await addKey(NOW + 10);
  clock.time = NOW + 9;
  const principal = await authenticator.authenticate({ key: secret });
  assertEquals(principal?.kind, "key");
  clock.time = NOW + 10;
  assertEquals(await authenticator.authenticate({ key: secret }), undefined);
  assertEquals(principal && await authenticator.reauthenticate(principal), undefined);
}, IN_MEMORY);

testOverDatabases("AccountAuthenticator stores the last use of a key, to the minute", async (
  { database },
) => {
  const { authenticator, clock, keys, addKey } = await setUp(database);
  const { secret, key } = await addKey();
  const usedAfter = async (ms: number) => {
    clock.time = NOW + ms;
    await authenticator.authenticate({ key: secret });
    return ((await keys.findById(key.id))?.lastUsedAt ?? 0) - NOW;
  };
  assertEquals(await usedAfter(0), 0);
  assertEquals(await usedAfter(MINUTE_MS - 1), 0);
  assertEquals(await usedAfter(MINUTE_MS), MINUTE_MS);
});

testOverDatabases("AccountAuthenticator authenticates by ticket once, within 30 s", async (
  { database },
) => {
  const { authenticator, clock, tickets, addKey, sessions } = await setUp(database);
  const { secret } = await addKey();
  const issue = async (credentials: { key?: string; session?: string }) => {
    const principal = await authenticator.authenticate(credentials);
    if (!principal) throw new Error("Not authenticated");
    return await issueTicket(principal, { tickets, clock, random });
  };
  const ofKey = await issue({ key: secret });
  assertEquals(ofKey.expiresAt, NOW + TICKET_TTL_MS);
  assertEquals((await authenticator.authenticate({ ticket: ofKey.ticket }))?.kind, "key");
  assertEquals(await authenticator.authenticate({ ticket: ofKey.ticket }), undefined);
  const ofUser = await issue({ session: "a session" });
  assertEquals((await authenticator.authenticate({ ticket: ofUser.ticket }))?.id, "user 7");
  const late = await issue({ key: secret });
  clock.time += TICKET_TTL_MS;
  assertEquals(await authenticator.authenticate({ ticket: late.ticket }), undefined);
  const orphan = await issue({ session: "a session" });
  await sessions.endAll(7);
  assertEquals(await authenticator.authenticate({ ticket: orphan.ticket }), undefined);
  assertEquals(
    await authenticator.authenticate({ ticket: "made up", session: "a session" }),
    undefined,
  );
});

testOverDatabases(
  "AccountAuthenticator rejects an anonymous ticket after a login is configured",
  async (
    { database },
  ) => {
    const { openAuthenticator, authenticator, clock, tickets } = await setUp(database);
    const [first, second] = [
      await issueTicket(ANONYMOUS_ADMIN, { tickets, clock, random }),
      await issueTicket(ANONYMOUS_ADMIN, { tickets, clock, random }),
    ];
    assertEquals(await openAuthenticator.authenticate({ ticket: first.ticket }), ANONYMOUS_ADMIN);
    assertEquals(await authenticator.authenticate({ ticket: second.ticket }), undefined);
  },
  IN_MEMORY,
);

testOverDatabases(
  "AccountAuthenticator rejects a user who is no longer a member",
  async ({ database }) => {
    const { options } = await setUp(database);
    const { login } = options;
    const outcomes = [
      () => Promise.resolve(false),
      () => Promise.reject(new GitHubError({ kind: "unavailable" }, "502")),
    ];
    const [left, unknown] = outcomes.map((isCurrent) =>
      new AccountAuthenticator({
        ...options,
        login: { ...login, membership: { isCurrent } },
      })
    );
    assertEquals(await left?.authenticate({ session: "a session" }), undefined);
    await assertRejects(
      async () => await unknown?.authenticate({ session: "a session" }),
      GitHubError,
      "502",
    );
  },
  IN_MEMORY,
);
