import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { LoginRefusedError, type UserTokens } from "../../src/account/login.ts";
import { TokenKeeper } from "../../src/account/token_keeper.ts";
import { systemClock } from "../../src/clock.ts";
import { RefusedError } from "../../src/errors.ts";
import type { Database } from "../../src/sql/database.ts";
import { accountStores, aProfile, ScriptedProvider, someTokens } from "../fakes/account.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const MINUTE_MS = 60_000;
const MONA = 7;

/** Tells a set time, and does not sleep: what others do meanwhile is done by `onSleep`. */
class Meanwhile {
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
  const clock = new Meanwhile();
  const { users, sessions } = accountStores(database, clock);
  await users.signIn({ profile: aProfile({ id: MONA }), tokens, role: "member" });
  await sessions.create({ id: "a", userId: MONA });
  const provider = new ScriptedProvider();
  const { signal } = new AbortController();
  const newKeeper = () => new TokenKeeper({ users, sessions, provider, clock, signal });
  const isSignedIn = async () => await sessions.find("a") !== undefined;
  return { clock, users, sessions, provider, newKeeper, keeper: newKeeper(), isSignedIn };
}

const tell = (token: string) => Promise.resolve(token);

testOverDatabases("TokenKeeper.use() takes a token as it is until 5 minutes before its end", async (
  { database },
) => {
  const { clock, provider, keeper } = await setUp(database, expiring("a", 8 * 60));
  provider.grants.set("ghr_a", expiring("b", 16 * 60));
  clock.time = NOW + (8 * 60 - 5) * MINUTE_MS - 1;
  assertEquals(await keeper.use(MONA, tell), "ghu_a");
  assertEquals(provider.asked, []);
  clock.time += 1;
  assertEquals(await keeper.use(MONA, tell), "ghu_b");
  assertEquals(await keeper.use(MONA, tell), "ghu_b");
  assertEquals(provider.asked, ["grant ghr_a"]);
}, { kinds: ["memory"] });

testOverDatabases("TokenKeeper.use() refreshes once for all who ask at the same time", async (
  { database },
) => {
  const { provider, keeper } = await setUp(database, expiring("a", 4));
  provider.grants.set("ghr_a", expiring("b", 60));
  const used = await Promise.all([1, 2, 3].map(() => keeper.use(MONA, tell)));
  assertEquals([used, provider.asked], [["ghu_b", "ghu_b", "ghu_b"], ["grant ghr_a"]]);
});

testOverDatabases("TokenKeeper.use() of two instances that refresh at once ends no session", async (
  { database },
) => {
  const { clock, users, provider, newKeeper, isSignedIn } = await setUp(database, expiring("a", 4));
  provider.grants.set("ghr_a", expiring("b", 60));
  clock.onSleep = () => new Promise((resolve) => setTimeout(resolve, 50));
  const used = await Promise.all([newKeeper(), newKeeper()].map((each) => each.use(MONA, tell)));
  assertEquals([used, await isSignedIn()], [["ghu_b", "ghu_b"], true]);
  assertEquals((await users.tokens(MONA))?.version, 2);
});

testOverDatabases("TokenKeeper.use() asks with the token that has come meanwhile", async (
  { database },
) => {
  const { users, keeper, isSignedIn } = await setUp(database, someTokens());
  const used: string[] = [];
  await keeper.use(MONA, async (token) => {
    used.push(token);
    if (used.length > 1) return;
    await users.replaceTokens(MONA, 1, someTokens({ accessToken: "gho_two" }));
    throw new LoginRefusedError("Refreshed by another");
  });
  assertEquals([used, await isSignedIn()], [["gho_one", "gho_two"], true]);
}, { kinds: ["memory"] });

testOverDatabases("TokenKeeper.use() signs out whose token was revoked", async ({ database }) => {
  const { clock, users, keeper, isSignedIn } = await setUp(database, someTokens());
  const refuse = () => Promise.reject(new LoginRefusedError("Bad credentials"));
  await assertRejects(() => keeper.use(MONA, refuse), LoginRefusedError);
  assertEquals(await isSignedIn(), false);
  assertEquals(await users.tokens(MONA), undefined);
  assertEquals(clock.slept, 0);
  await assertRejects(() => keeper.use(MONA, tell), LoginRefusedError);
});

testOverDatabases("TokenKeeper.use() signs out whose refresh token is refused", async (
  { database },
) => {
  const { keeper, provider, isSignedIn } = await setUp(database, expiring("a", 4));
  await assertRejects(() => keeper.use(MONA, tell), LoginRefusedError);
  assertEquals([await isSignedIn(), provider.asked], [false, ["grant ghr_a"]]);
}, { kinds: ["memory"] });

testOverDatabases("TokenKeeper.use() takes the old token while GitHub cannot refresh it", async (
  { database },
) => {
  const { clock, keeper, provider, isSignedIn } = await setUp(database, expiring("a", 4));
  provider.failure = new RefusedError({ kind: "unavailable" }, "502");
  assertEquals(await keeper.use(MONA, tell), "ghu_a");
  clock.time += 4 * MINUTE_MS;
  await assertRejects(() => keeper.use(MONA, tell), RefusedError, "502");
  assertEquals(await isSignedIn(), true);
}, { kinds: ["memory"] });

testOverDatabases("TokenKeeper.use() leaves GitHub alone for as long as it says", async (
  { database },
) => {
  const { clock, keeper } = await setUp(database, someTokens());
  const retryAt = NOW + 10 * MINUTE_MS;
  const limited = new RefusedError({ kind: "limited", retryAt }, "Limit");
  const error = await assertRejects(
    () => keeper.use(MONA, () => Promise.reject(limited)),
    RefusedError,
  );
  assertStrictEquals(error, limited);
  clock.time = retryAt - 1;
  await assertRejects(() => keeper.use(MONA, tell), RefusedError, "Limit");
  clock.time = retryAt;
  assertEquals(await keeper.use(MONA, tell), "gho_one");
}, { kinds: ["memory"] });

testOverDatabases("TokenKeeper.letGo() revokes a token once, and forgets it", async (
  { database },
) => {
  const { keeper, provider, users } = await setUp(database, someTokens());
  await Promise.all([keeper.letGo(MONA), keeper.letGo(MONA)]);
  assertEquals(provider.asked, ["revoke gho_one"]);
  assertEquals(await users.tokens(MONA), undefined);
}, { kinds: ["memory"] });
