import { assertEquals, assertRejects } from "@std/assert";
import {
  initialRole,
  isAllowedMember,
  requiresMembership,
} from "../../src/account/sign_in_policy.ts";
import {
  Membership,
  MEMBERSHIP_MAX_AGE_MS,
  MEMBERSHIP_STALE_IF_ERROR_MS,
} from "../../src/account/membership.ts";
import { TokenManager } from "../../src/account/token_manager.ts";
import { GitHubError } from "../../src/errors.ts";
import { invalidateAccess } from "../../src/sql/account/access.ts";
import type { Database } from "../../src/sql/database.ts";
import {
  aProfile,
  createAccountStores,
  FakeOAuthProvider,
  someTokens,
} from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const POLICY = { admins: ["root"], organizations: ["octo-org"] };
const IN_MEMORY = { kinds: ["memory"] } as const;

async function setUp(database: Database, { login = "Mona" } = {}) {
  const clock = new ManualClock(NOW);
  const { users, sessions } = createAccountStores(database, clock);
  const profile = aProfile({ login });
  await users.saveSignIn({ profile, tokens: someTokens(), role: "member" });
  await sessions.create({ id: "a", userId: profile.id });
  const provider = new FakeOAuthProvider();
  provider.organizationsByToken.set("gho_one", ["Octo-Org"]);
  const { signal } = new AbortController();
  const tokens = new TokenManager({ users, sessions, provider, clock, signal });
  const membership = new Membership({
    policy: POLICY,
    provider,
    tokens,
    users,
    sessions,
    clock,
  });
  const isCurrent = async () => {
    const user = await users.findById(profile.id);
    return user && await membership.isCurrent(user);
  };
  const isSignedIn = async () => await sessions.find("a") !== undefined;
  return { clock, users, provider, isCurrent, isSignedIn };
}

testOverDatabases("Membership.isCurrent() asks GitHub again after half an hour", async (
  { database },
) => {
  const { clock, provider, isCurrent } = await setUp(database);
  clock.time += MEMBERSHIP_MAX_AGE_MS - 1;
  assertEquals([await isCurrent(), provider.calls], [true, []]);
  clock.time += 1;
  assertEquals([await isCurrent(), await isCurrent()], [true, true]);
  assertEquals(provider.calls, ["organizations gho_one"]);
}, IN_MEMORY);

testOverDatabases("Membership.isCurrent() signs out a former member and revokes the token", async (
  { database },
) => {
  const { clock, provider, isCurrent, isSignedIn, users } = await setUp(database);
  provider.organizationsByToken.set("gho_one", ["elsewhere"]);
  clock.time += MEMBERSHIP_MAX_AGE_MS;
  assertEquals([await isCurrent(), await isSignedIn()], [false, false]);
  assertEquals(provider.calls, ["organizations gho_one", "revoke gho_one"]);
  assertEquals(await users.loadTokens(7), undefined);
});

testOverDatabases("Membership.isCurrent() asks immediately after a change of organizations", async (
  { database },
) => {
  const { provider, isCurrent } = await setUp(database);
  await database.write((tx) => invalidateAccess(tx, "all"));
  assertEquals([await isCurrent(), provider.calls.length], [true, 1]);
  assertEquals([await isCurrent(), provider.calls.length], [true, 1]);
}, IN_MEMORY);

testOverDatabases(
  "Membership.isCurrent() accepts an earlier check for an hour while GitHub is unavailable",
  async (
    { database },
  ) => {
    const { clock, provider, isCurrent, isSignedIn } = await setUp(database);
    provider.error = new GitHubError({ kind: "unavailable" }, "502");
    clock.time += MEMBERSHIP_STALE_IF_ERROR_MS - 1;
    assertEquals(await isCurrent(), true);
    clock.time += 1;
    await assertRejects(isCurrent, GitHubError, "502");
    assertEquals(await isSignedIn(), true);
  },
  IN_MEMORY,
);

testOverDatabases("Membership.isCurrent() rejects a user with a revoked token", async (
  { database },
) => {
  const { clock, provider, isCurrent, isSignedIn } = await setUp(database);
  provider.organizationsByToken.clear();
  clock.time += MEMBERSHIP_MAX_AGE_MS;
  assertEquals([await isCurrent(), await isSignedIn()], [false, false]);
}, IN_MEMORY);

testOverDatabases("Membership.isCurrent() accepts configured admins without membership", async (
  { database },
) => {
  const { clock, provider, isCurrent } = await setUp(database, { login: "Root" });
  clock.time += MEMBERSHIP_STALE_IF_ERROR_MS;
  assertEquals([await isCurrent(), provider.calls], [true, []]);
}, IN_MEMORY);

Deno.test("SignInPolicy compares names in any case", () => {
  assertEquals(isAllowedMember(["other", "OCTO-ORG"], POLICY), true);
  assertEquals(isAllowedMember(["octo-org2", "octo"], POLICY), false);
  assertEquals(requiresMembership("ROOT", POLICY), false);
  assertEquals(requiresMembership("rooty", POLICY), true);
  assertEquals(requiresMembership("mona", { ...POLICY, organizations: [] }), false);
});

Deno.test("initialRole() is viewer if no organization is required", () => {
  assertEquals(initialRole("Root", POLICY), "admin");
  assertEquals(initialRole("mona", POLICY), "member");
  assertEquals(initialRole("mona", { ...POLICY, organizations: [] }), "viewer");
});
