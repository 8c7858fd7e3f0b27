import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import type { SignInPolicy } from "../../src/account/sign_in_policy.ts";
import {
  isLocalPath,
  Login,
  LoginError,
  type LoginErrorCode,
  type OAuthCallback,
} from "../../src/account/login.ts";
import { LOGIN_STATE_TTL_MS, LoginStateCookie } from "../../src/account/login_state.ts";
import { sha256Hex, systemRandomBytes as random } from "../../src/account/crypto.ts";
import { TokenManager } from "../../src/account/token_manager.ts";
import { GitHubError } from "../../src/errors.ts";
import type { Database } from "../../src/sql/database.ts";
import {
  aProfile,
  createAccountStores,
  FakeOAuthProvider,
  someTokens,
  TEST_SESSION_SECRET,
} from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";

const NOW = 1_767_225_600_000;
const REDIRECT = "https://ci.example/login/callback";
const OPEN_POLICY: SignInPolicy = { admins: [], organizations: [] };
const { signal } = new AbortController();

function setUp(database: Database, policy = OPEN_POLICY) {
  const clock = new ManualClock(NOW);
  const { users, sessions } = createAccountStores(database, clock);
  const provider = new FakeOAuthProvider();
  provider.tokensByCode.set("code", someTokens());
  const tokens = new TokenManager({ users, sessions, provider, clock, signal });
  const login = new Login({
    provider,
    users,
    sessions,
    tokens,
    stateCookie: new LoginStateCookie(TEST_SESSION_SECRET, clock),
    policy,
    random,
    redirectUri: () => REDIRECT,
  });
  /** The callback of a browser. */
  const finish = async (overrides: Partial<OAuthCallback> = {}, returnTo = "/") => {
    const { url, cookie } = await login.begin(returnTo);
    const state = new URL(url).searchParams.get("state") ?? "";
    return await login.finish({
      cookie: cookie.value,
      state,
      code: "code",
      error: undefined,
      session: undefined,
      ...overrides,
    }, signal);
  };
  const isSignedIn = async (token: string) => await sessions.find(sha256Hex(token)) !== undefined;
  return { clock, users, sessions, provider, login, finish, isSignedIn };
}

async function loginErrorCode(outcome: Promise<unknown>): Promise<LoginErrorCode> {
  return (await assertRejects(() => outcome, LoginError)).code;
}

testOverDatabases("Login.begin() redirects to GitHub with the hash of the verifier", async (
  { database },
) => {
  const { login, clock } = setUp(database);
  const { url, cookie } = await login.begin("/runs?page=2");
  const query = Object.fromEntries(new URL(url).searchParams);
  const state = await new LoginStateCookie(TEST_SESSION_SECRET, clock).verify(cookie.value);
  const challenge = createHash("sha256").update(state?.verifier ?? "").digest("base64url");
  assertEquals(query, { state: state?.state ?? "", challenge, redirectUri: REDIRECT });
  assertEquals([state?.returnTo, cookie.maxAge], ["/runs?page=2", 600]);
  assertNotEquals((await login.begin()).cookie.value, (await login.begin()).cookie.value);
}, { kinds: ["memory"] });

testOverDatabases("Login.begin() rejects a return path to another host", async ({ database }) => {
  const { login } = setUp(database);
  assertEquals(await loginErrorCode(login.begin("//evil.example")), "return_path_invalid");
}, { kinds: ["memory"] });

testOverDatabases("Login.finish() creates a session and stores only its hash", async (
  { database },
) => {
  const { finish, isSignedIn, users } = setUp(database);
  const { sessionToken, user, returnTo } = await finish({}, "/docs");
  assertEquals([user.login, user.role, returnTo], ["Mona", "viewer", "/docs"]);
  assert(await isSignedIn(sessionToken));
  assertEquals((await users.loadTokens(user.id))?.accessToken, "gho_one");
  const rows = await database.read((db) => db.selectFrom("sessions").selectAll().execute());
  assert(!JSON.stringify(rows).includes(sessionToken));
});

testOverDatabases(
  "Login.finish() ends the previous session of the browser",
  async ({ database }) => {
    const { finish, isSignedIn, provider } = setUp(database);
    const { sessionToken: first } = await finish();
    provider.tokensByCode.set("code", someTokens({ accessToken: "gho_two" }));
    const { sessionToken: second } = await finish({ session: first });
    assertEquals([await isSignedIn(first), await isSignedIn(second)], [false, true]);
    assert(!provider.calls.some((each) => each.startsWith("revoke")));
    provider.tokensByCode.set("code", someTokens({ accessToken: "gho_other" }));
    provider.currentProfile = aProfile({ id: 8, login: "hubot" });
    await finish({ session: second });
    assertEquals(await isSignedIn(second), false);
    assertEquals(provider.calls.at(-1), "revoke gho_two", "the last session of another user");
  },
  { kinds: ["memory"] },
);

testOverDatabases("Login.finish() does not reuse a session planted in the browser", async (
  { database },
) => {
  const { finish, isSignedIn } = setUp(database);
  const { sessionToken } = await finish({ session: "planted" });
  assertNotEquals(sessionToken, "planted");
  assertEquals(await isSignedIn("planted"), false);
}, { kinds: ["memory"] });

testOverDatabases("Login.finish() rejects a login that the browser did not start", async (
  { database },
) => {
  const { login, finish, clock, provider } = setUp(database);
  const other = await login.begin();
  for (
    const changed of [
      { cookie: undefined },
      { cookie: "forged.cookie" },
      { cookie: other.cookie.value },
      { state: undefined },
      { state: "" },
      { state: "another" },
    ]
  ) assertEquals(await loginErrorCode(finish(changed)), "login_expired", JSON.stringify(changed));
  const late = await login.begin();
  const state = new URL(late.url).searchParams.get("state") ?? "";
  clock.time += LOGIN_STATE_TTL_MS;
  assertEquals(await loginErrorCode(finish({ cookie: late.cookie.value, state })), "login_expired");
  assertEquals(provider.calls, [], "no request to GitHub");
}, { kinds: ["memory"] });

testOverDatabases(
  "Login.finish() rejects a used code and denied consent",
  async (
    { database },
  ) => {
    const { finish, provider } = setUp(database);
    await finish();
    assertEquals(await loginErrorCode(finish()), "login_refused");
    const denied = { code: undefined, error: "access_denied" };
    assertEquals(await loginErrorCode(finish(denied)), "login_denied");
    const other = { code: undefined, error: "redirect_uri_mismatch" };
    assertEquals(await loginErrorCode(finish(other)), "login_refused");
    provider.error = new GitHubError({ kind: "unavailable" }, "502");
    await assertRejects(() => finish(), GitHubError, "502");
  },
  { kinds: ["memory"] },
);

testOverDatabases("Login.finish() accepts members, and stores nothing of other users", async (
  { database },
) => {
  const admission = { admins: ["root"], organizations: ["octo-org"] };
  const { finish, provider, users } = setUp(database, admission);
  provider.organizationsByToken.set("gho_one", ["elsewhere"]);
  assertEquals(await loginErrorCode(finish()), "organization_required");
  assertEquals(provider.calls.at(-1), "revoke gho_one");
  assertEquals(await users.findById(7), undefined);
  provider.tokensByCode.set("code", someTokens());
  provider.organizationsByToken.set("gho_one", ["Octo-Org"]);
  assertEquals((await finish()).user.role, "member");
  provider.tokensByCode.set("code", someTokens());
  provider.organizationsByToken.clear();
  provider.currentProfile = aProfile({ id: 9, login: "Root" });
  assertEquals((await finish()).user.role, "admin");
}, { kinds: ["memory"] });

testOverDatabases("Login.signOut() revokes the token with the last session", async (
  { database },
) => {
  const { finish, login, sessions, provider, users } = setUp(database);
  const enter = async () => {
    provider.tokensByCode.set("code", someTokens());
    const session = await sessions.find(sha256Hex((await finish()).sessionToken));
    if (!session) throw new Error("No session");
    return session;
  };
  const [a, b] = [await enter(), await enter()];
  await login.signOut(a, { isEverywhere: false });
  assertEquals((await users.loadTokens(7))?.accessToken, "gho_one");
  await login.signOut(b, { isEverywhere: false });
  assertEquals(provider.calls.at(-1), "revoke gho_one");
  assertEquals(await users.loadTokens(7), undefined);
  const [c, d] = [await enter(), await enter()];
  await login.signOut(c, { isEverywhere: true });
  assertEquals(await sessions.find(d.id), undefined);
  assertEquals(await users.loadTokens(7), undefined);
});

Deno.test("isLocalPath() accepts local paths", () => {
  for (const path of ["/", "/runs?page=2", "/docs#top", "/a//b", "/?next=https://evil.example"]) {
    assert(isLocalPath(path), path);
  }
});

Deno.test("isLocalPath() rejects paths that could lead to another host", () => {
  for (
    const path of [
      "",
      "runs",
      "//evil.example",
      "///evil.example",
      "/\\evil.example",
      "\\/evil.example",
      "/\t/evil.example",
      "/\n/evil.example",
      "\t//evil.example",
      " //evil.example",
      "/a\r\nSet-Cookie: x=y",
      "/a b",
      "/a\u0000",
      "https://evil.example/",
      "javascript:alert(1)",
      `/${"a".repeat(2_000)}`,
    ]
  ) assert(!isLocalPath(path), JSON.stringify(path));
});
