import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TokenRejectedError } from "../../src/account/oauth_provider.ts";
import type { UserTokens } from "../../src/account/user.ts";
import { TokenManager } from "../../src/account/token_manager.ts";
import { systemClock } from "../../src/clock.ts";
import { GitHubError } from "../../src/errors.ts";
import type { Database } from "../../src/sql/database.ts";
import {
  aProfile,
  createAccountStores,
  FakeOAuthProvider,
  someTokens,
} from "../fakes/fixtures/account.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;
const MONA = 7;

/** A clock with a set time that does not sleep. `onSleep` simulates concurrent changes. */
class ScriptedClock {
  time = NOW;
  slept = 0;
  onSleep: () => Promise<unknown> = () => Promise.resolve();
  readonly every = systemClock.every;

  now(): number {
    return this.time;
  }

  async sleep(ms: number): Promise<void> {
    this.slept += ms;
    await this.onSleep();
  }
}

function expiring(name: string, minutes: number): UserTokens {
  return someTokens({
    accessToken: `ghu_${name}`,
    expiresAt: NOW + minutes * MINUTE_MS,
    refreshToken: `ghr_${name}`,
    refreshExpiresAt: NOW + 1_000 * MINUTE_MS,
  });
}

async function setUp(database: Database, tokens: UserTokens) {
  const clock = new ScriptedClock();
  const { users, sessions } = createAccountStores(database, clock);
  await users.saveSignIn({ profile: aProfile({ id: MONA }), tokens, role: "member" });
  await sessions.create({ id: "a", userId: MONA });
  const provider = new FakeOAuthProvider();
  const { signal } = new AbortController();
  const newManager = () => new TokenManager({ users, sessions, provider, clock, signal });
  const isSignedIn = async () => await sessions.find("a") !== undefined;
  return {
    clock,
    users,
    sessions,
    provider,
    newManager,
    manager: newManager(),
    isSignedIn,
  };
}

const returnToken = (token: string) => Promise.resolve(token);

testOverDatabases("TokenManager.withToken() uses a token until 5 minutes before it expires", async (
  { database },
) => {
  const { clock, provider, manager } = await setUp(database, expiring("a", 8 * 60));
  provider.tokensByCode.set("ghr_a", expiring("b", 16 * 60));
  clock.time = NOW + (8 * 60 - 5) * MINUTE_MS - 1;
  assertEquals(await manager.withToken(MONA, returnToken), "ghu_a");
  assertEquals(provider.calls, []);
  clock.time += 1;
  assertEquals(await manager.withToken(MONA, returnToken), "ghu_b");
  assertEquals(await manager.withToken(MONA, returnToken), "ghu_b");
  assertEquals(provider.calls, ["grant ghr_a"]);
}, { kinds: ["memory"] });

testOverDatabases("TokenManager.withToken() refreshes once for concurrent calls", async (
  { database },
) => {
  const { provider, manager } = await setUp(database, expiring("a", 4));
  provider.tokensByCode.set("ghr_a", expiring("b", 60));
  const used = await Promise.all([1, 2, 3].map(() => manager.withToken(MONA, returnToken)));
  assertEquals([used, provider.calls], [["ghu_b", "ghu_b", "ghu_b"], ["grant ghr_a"]]);
});

testOverDatabases(
  "TokenManager.withToken() ends no session when two instances refresh concurrently",
  async (
    { database },
  ) => {
    const { clock, users, provider, newManager, isSignedIn } = await setUp(
      database,
      expiring("a", 4),
    );
    provider.tokensByCode.set("ghr_a", expiring("b", 60));
    clock.onSleep = () => new Promise((resolve) => setTimeout(resolve, 50));
    const used = await Promise.all(
      [newManager(), newManager()].map((each) => each.withToken(MONA, returnToken)),
    );
    assertEquals([used, await isSignedIn()], [["ghu_b", "ghu_b"], true]);
    assertEquals((await users.loadTokens(MONA))?.version, 2);
  },
);

testOverDatabases("TokenManager.withToken() retries with a token stored in the meantime", async (
  { database },
) => {
  const { users, manager, isSignedIn } = await setUp(database, someTokens());
  const used: string[] = [];
  await manager.withToken(MONA, async (token) => {
    used.push(token);
    if (used.length > 1) return;
    await users.replaceTokens(MONA, 1, someTokens({ accessToken: "gho_two" }));
    throw new TokenRejectedError("Refreshed by another");
  });
  assertEquals([used, await isSignedIn()], [["gho_one", "gho_two"], true]);
}, { kinds: ["memory"] });

testOverDatabases(
  "TokenManager.withToken() signs out a user with a revoked token",
  async ({ database }) => {
    const { clock, users, manager, isSignedIn } = await setUp(database, someTokens());
    const reject = () => Promise.reject(new TokenRejectedError("Bad credentials"));
    await assertRejects(() => manager.withToken(MONA, reject), TokenRejectedError);
    assertEquals(await isSignedIn(), false);
    assertEquals(await users.loadTokens(MONA), undefined);
    assertEquals(clock.slept, 0);
    await assertRejects(() => manager.withToken(MONA, returnToken), TokenRejectedError);
  },
);

testOverDatabases("TokenManager.withToken() signs out a user with a rejected refresh token", async (
  { database },
) => {
  const { manager, provider, isSignedIn } = await setUp(database, expiring("a", 4));
  await assertRejects(() => manager.withToken(MONA, returnToken), TokenRejectedError);
  assertEquals([await isSignedIn(), provider.calls], [false, ["grant ghr_a"]]);
}, { kinds: ["memory"] });

testOverDatabases(
  "TokenManager.withToken() uses the old token while GitHub cannot refresh it",
  async (
    { database },
  ) => {
    const { clock, manager, provider, isSignedIn } = await setUp(database, expiring("a", 4));
    provider.error = new GitHubError({ kind: "unavailable" }, "502");
    assertEquals(await manager.withToken(MONA, returnToken), "ghu_a");
    clock.time += 4 * MINUTE_MS;
    await assertRejects(() => manager.withToken(MONA, returnToken), GitHubError, "502");
    assertEquals(await isSignedIn(), true);
  },
  { kinds: ["memory"] },
);

testOverDatabases("TokenManager.withToken() sends no request until the reset time", async (
  { database },
) => {
  const { clock, manager } = await setUp(database, someTokens());
  const retryAt = NOW + 10 * MINUTE_MS;
  const limited = new GitHubError({ kind: "rate_limited", retryAt }, "Limit");
  const error = await assertRejects(
    () => manager.withToken(MONA, () => Promise.reject(limited)),
    GitHubError,
  );
  assertStrictEquals(error, limited);
  clock.time = retryAt - 1;
  await assertRejects(() => manager.withToken(MONA, returnToken), GitHubError, "Limit");
  clock.time = retryAt;
  assertEquals(await manager.withToken(MONA, returnToken), "gho_one");
}, { kinds: ["memory"] });

testOverDatabases("TokenManager.revoke() revokes a token once and deletes it", async (
  { database },
) => {
  const { manager, provider, users } = await setUp(database, someTokens());
  await Promise.all([manager.revoke(MONA), manager.revoke(MONA)]);
  assertEquals(provider.calls, ["revoke gho_one"]);
  assertEquals(await users.loadTokens(MONA), undefined);
}, { kinds: ["memory"] });
