import { assertEquals, assertRejects } from "@std/assert";
import { asksOrganisations, belongs, roleOfNewcomer } from "../../src/account/admission.ts";
import { MEMBER_FRESH_MS, MEMBER_HOLD_MS, Membership } from "../../src/account/membership.ts";
import { TokenKeeper } from "../../src/account/token_keeper.ts";
import { RefusedError } from "../../src/errors.ts";
import { dropAccess } from "../../src/sql/access.ts";
import type { Database } from "../../src/sql/database.ts";
import { accountStores, aProfile, ScriptedProvider, someTokens } from "../fakes/account.ts";
import { SetClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const ADMISSION = { admins: ["root"], organisations: ["octo-org"] };
const IN_MEMORY = { kinds: ["memory"] } as const;

async function setUp(database: Database, { login = "Mona" } = {}) {
  const clock = new SetClock(NOW);
  const { users, sessions } = accountStores(database, clock);
  const profile = aProfile({ login });
  await users.signIn({ profile, tokens: someTokens(), role: "member" });
  await sessions.create({ id: "a", userId: profile.id });
  const provider = new ScriptedProvider();
  provider.memberships.set("gho_one", ["Octo-Org"]);
  const { signal } = new AbortController();
  const tokens = new TokenKeeper({ users, sessions, provider, clock, signal });
  const membership = new Membership({
    admission: ADMISSION,
    provider,
    tokens,
    users,
    sessions,
    clock,
  });
  const holds = async () => {
    const user = await users.byId(profile.id);
    return user && await membership.holds(user);
  };
  const isSignedIn = async () => await sessions.find("a") !== undefined;
  return { clock, users, provider, holds, isSignedIn };
}

testOverDatabases("Membership.holds() asks GitHub again after half an hour", async (
  { database },
) => {
  const { clock, provider, holds } = await setUp(database);
  clock.time += MEMBER_FRESH_MS - 1;
  assertEquals([await holds(), provider.asked], [true, []]);
  clock.time += 1;
  assertEquals([await holds(), await holds()], [true, true]);
  assertEquals(provider.asked, ["organisations gho_one"]);
}, IN_MEMORY);

testOverDatabases("Membership.holds() signs out who has left, and lets the token go", async (
  { database },
) => {
  const { clock, provider, holds, isSignedIn, users } = await setUp(database);
  provider.memberships.set("gho_one", ["elsewhere"]);
  clock.time += MEMBER_FRESH_MS;
  assertEquals([await holds(), await isSignedIn()], [false, false]);
  assertEquals(provider.asked, ["organisations gho_one", "revoke gho_one"]);
  assertEquals(await users.tokens(7), undefined);
});

testOverDatabases("Membership.holds() asks at once when organisations have changed", async (
  { database },
) => {
  const { provider, holds } = await setUp(database);
  await database.write((tx) => dropAccess(tx, "all"));
  assertEquals([await holds(), provider.asked.length], [true, 1]);
  assertEquals([await holds(), provider.asked.length], [true, 1]);
}, IN_MEMORY);

testOverDatabases("Membership.holds() for an hour without GitHub, and not longer", async (
  { database },
) => {
  const { clock, provider, holds, isSignedIn } = await setUp(database);
  provider.failure = new RefusedError({ kind: "unavailable" }, "502");
  clock.time += MEMBER_HOLD_MS - 1;
  assertEquals(await holds(), true);
  clock.time += 1;
  await assertRejects(holds, RefusedError, "502");
  assertEquals(await isSignedIn(), true);
}, IN_MEMORY);

testOverDatabases("Membership.holds() for nobody whose token was revoked", async (
  { database },
) => {
  const { clock, provider, holds, isSignedIn } = await setUp(database);
  provider.memberships.clear();
  clock.time += MEMBER_FRESH_MS;
  assertEquals([await holds(), await isSignedIn()], [false, false]);
}, IN_MEMORY);

testOverDatabases("Membership.holds() for admins of the settings, whatever they belong to", async (
  { database },
) => {
  const { clock, provider, holds } = await setUp(database, { login: "Root" });
  clock.time += MEMBER_HOLD_MS;
  assertEquals([await holds(), provider.asked], [true, []]);
}, IN_MEMORY);

Deno.test("An admission compares names in any case", () => {
  assertEquals(belongs(["other", "OCTO-ORG"], ADMISSION), true);
  assertEquals(belongs(["octo-org2", "octo"], ADMISSION), false);
  assertEquals(asksOrganisations("ROOT", ADMISSION), false);
  assertEquals(asksOrganisations("rooty", ADMISSION), true);
  assertEquals(asksOrganisations("mona", { ...ADMISSION, organisations: [] }), false);
});

Deno.test("roleOfNewcomer() is viewer where anybody may sign in", () => {
  assertEquals(roleOfNewcomer("Root", ADMISSION), "admin");
  assertEquals(roleOfNewcomer("mona", ADMISSION), "member");
  assertEquals(roleOfNewcomer("mona", { ...ADMISSION, organisations: [] }), "viewer");
});
