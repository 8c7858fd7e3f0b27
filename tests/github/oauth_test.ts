import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TokenRejectedError } from "../../src/account/oauth_provider.ts";
import { systemClock } from "../../src/clock.ts";
import { GitHubOAuth } from "../../src/github/oauth.ts";
import { CALLBACK, CHALLENGE, setUpOAuth, VERIFIER } from "./oauth_setup.ts";
import { FakeServer, neverAborted, rejectedGitHubError } from "./fake_server.ts";

const EIGHT_HOURS_MS = 8 * 60 * 60 * 1_000;

/** The message of the rejection. Fails the test if there is none. */
async function rejectionMessage(promise: Promise<unknown>): Promise<string> {
  const { message } = await assertRejects(() => promise, TokenRejectedError);
  return message;
}

/** A provider that sends to a server with test responses. */
function createOAuth({ url }: FakeServer): GitHubOAuth {
  const app = { clientId: "Iv1.a", clientSecret: "shh", webUrl: url, apiUrl: url };
  return new GitHubOAuth({ ...app, version: "1.2.3", clock: systemClock });
}

const GRANT = { code: "c", verifier: VERIFIER, redirectUri: CALLBACK };

Deno.test("GitHubOAuth.authorizationUrl() has the required scopes, state and PKCE", async () => {
  await using mona = setUpOAuth();
  const request = { state: "s t&te", challenge: CHALLENGE, redirectUri: CALLBACK };
  const url = new URL(mona.login.authorizationUrl(request));
  assertEquals(url.origin + url.pathname, `${mona.github.url}/login/oauth/authorize`);
  assertEquals(Object.fromEntries(url.searchParams), {
    client_id: "Iv1.a",
    redirect_uri: CALLBACK,
    scope: "read:org repo",
    state: "s t&te",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
  });
  assertEquals((await mona.consent()).get("state"), "s t&te");
});

Deno.test("GitHubOAuth.exchangeCode() returns a token of an OAuth app, which does not expire", async () => {
  await using mona = setUpOAuth();
  const { accessToken, ...rest } = await mona.tokens();
  assertMatch(accessToken, /^gho_/);
  assertEquals(rest, {
    expiresAt: undefined,
    refreshToken: undefined,
    refreshExpiresAt: undefined,
  });
});

Deno.test("GitHubOAuth.exchangeCode() returns the tokens of a GitHub App with their expiry", async () => {
  await using mona = setUpOAuth("github_app");
  const { accessToken, expiresAt, refreshToken, refreshExpiresAt } = await mona.tokens();
  assertMatch(accessToken, /^ghu_/);
  assertMatch(refreshToken ?? "", /^ghr_/);
  const now = mona.clock.now();
  assertEquals([expiresAt, refreshExpiresAt], [now + EIGHT_HOURS_MS, now + 15_897_600_000]);
});

Deno.test("GitHubOAuth.exchangeCode() rejects a used, invalid or expired code", async () => {
  await using mona = setUpOAuth();
  const grant = await mona.grant();
  await mona.login.exchangeCode(grant, neverAborted);
  const words = "GitHub issued no token: bad_verification_code";
  assertEquals(await rejectionMessage(mona.login.exchangeCode(grant, neverAborted)), words);
  assertEquals(
    await rejectionMessage(mona.login.exchangeCode({ ...grant, code: "made-up" }, neverAborted)),
    words,
  );
  const late = await mona.grant();
  mona.clock.advance(601);
  assertEquals(await rejectionMessage(mona.login.exchangeCode(late, neverAborted)), words);
});

Deno.test("GitHubOAuth.exchangeCode() rejects a code issued for another verifier", async () => {
  await using mona = setUpOAuth();
  const grant = { ...await mona.grant(), verifier: "another-verifier-of-43-characters-or-more-00" };
  assertMatch(
    await rejectionMessage(mona.login.exchangeCode(grant, neverAborted)),
    /bad_verification_code$/,
  );
});

Deno.test("GitHubOAuth.exchangeCode() fails as unauthorized with a wrong secret or redirect URI", async () => {
  await using mona = setUpOAuth("oauth_app", { clientSecret: "another" });
  const wrongSecret = await rejectedGitHubError(mona.tokens());
  assertEquals(wrongSecret.failure, { kind: "unauthorized" });
  assertEquals(wrongSecret.message, "GitHub issued no token: incorrect_client_credentials");
  await using hubot = setUpOAuth();
  const grant = { ...await hubot.grant(), redirectUri: "http://127.0.0.1:1/login/callback" };
  const elsewhere = await rejectedGitHubError(hubot.login.exchangeCode(grant, neverAborted));
  assertEquals(elsewhere.failure, { kind: "unauthorized" });
});

Deno.test("GitHubOAuth.exchangeCode() fails as unavailable on an invalid response", async () => {
  await using mona = setUpOAuth();
  const faults = [
    { kind: "status", status: 502 },
    { kind: "status", status: 500, body: "json" },
    { kind: "cut" },
  ] as const;
  for (const fault of faults) {
    const grant = await mona.grant();
    mona.simulator.faults.add(fault);
    const { failure } = await rejectedGitHubError(
      mona.login.exchangeCode(grant, neverAborted),
    );
    assertEquals(failure, { kind: "unavailable" });
  }
});

Deno.test("GitHubOAuth.exchangeCode() detects a rate limit, and rejects undocumented fields", async () => {
  const json = (body: unknown, init: ResponseInit = {}) => () => Response.json(body, init);
  const token = { access_token: "gho_a", token_type: "bearer" };
  const answers = [
    json({ message: "Slow down" }, { status: 429 }),
    json({ message: "Not Found" }, { status: 404 }),
    json({ ...token, token_type: "basic" }),
    json({ ...token, expires_in: "soon" }),
    json({ ...token, refresh_token_expires_in: "soon" }),
    json({ token_type: "bearer" }),
    json({ error: "try <b>again</b>" }),
    json({ error: "server_error" }),
    () => new Response("access_token=gho_a&token_type=bearer"),
  ];
  await using server = new FakeServer((_request, count) =>
    answers[count - 1]?.() ?? Response.json(token)
  );
  const kinds: string[] = [];
  for (const _ of answers) {
    const { failure, message } = await rejectedGitHubError(
      createOAuth(server).exchangeCode(GRANT, neverAborted),
    );
    assert(!/gho_a|soon|<b>/.test(message), message);
    kinds.push(failure.kind);
  }
  assertEquals(kinds, ["rate_limited", "not_accessible", ...Array(7).fill("unavailable")]);
  assertEquals((await createOAuth(server).exchangeCode(GRANT, neverAborted)).accessToken, "gho_a");
  assertEquals(new Set(server.sentHeaders("user-agent")), new Set(["runwire/1.2.3"]));
});

Deno.test("GitHubOAuth.exchangeCode() times out after ten seconds", async () => {
  await using mona = setUpOAuth();
  const grant = await mona.grant();
  mona.simulator.faults.add({ kind: "delay", ms: 60_000 });
  const requested = rejectedGitHubError(mona.login.exchangeCode(grant, neverAborted));
  await mona.clock.waitForSleeper();
  while (mona.clock.sleeperCount < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  mona.clock.advance(10);
  const { failure, message } = await requested;
  assertEquals(failure, { kind: "unavailable" });
  assertEquals(message, "GitHub did not answer POST /login/oauth/access_token within 10 s");
});

Deno.test("GitHubOAuth.refresh() exchanges a refresh token once", async () => {
  await using mona = setUpOAuth("github_app");
  const first = await mona.tokens();
  mona.clock.advance(8 * 60 * 60);
  assert(first.refreshToken);
  assertMatch(
    await rejectionMessage(mona.login.fetchProfile(first.accessToken, neverAborted)),
    /401: Bad credentials$/,
  );
  const second = await mona.login.refresh(first.refreshToken, neverAborted);
  assertEquals(second.expiresAt, mona.clock.now() + EIGHT_HOURS_MS);
  assertEquals((await mona.login.fetchProfile(second.accessToken, neverAborted)).id, 7);
  assertEquals(
    await rejectionMessage(mona.login.refresh(first.refreshToken, neverAborted)),
    "GitHub issued no token: bad_refresh_token",
  );
});

Deno.test("GitHubOAuth.refresh() rejects an expired or revoked token", async () => {
  await using mona = setUpOAuth("github_app");
  const { refreshToken: late = "" } = await mona.tokens();
  mona.clock.advance(15_897_600);
  assertMatch(await rejectionMessage(mona.login.refresh(late, neverAborted)), /bad_refresh_token$/);
  const { refreshToken: revoked = "" } = await mona.tokens();
  mona.simulator.revokeAuthorization("mona");
  assertMatch(
    await rejectionMessage(mona.login.refresh(revoked, neverAborted)),
    /bad_refresh_token$/,
  );
});

Deno.test("GitHubOAuth.revoke() revokes a token, and accepts a revoked one", async () => {
  await using mona = setUpOAuth();
  const { accessToken } = await mona.tokens();
  await mona.login.revoke(accessToken, neverAborted);
  assertMatch(
    await rejectionMessage(mona.login.fetchProfile(accessToken, neverAborted)),
    /401: Bad credentials$/,
  );
  await mona.login.revoke(accessToken, neverAborted);
  assertEquals(mona.requests().filter((requested) => requested.startsWith("DELETE")), [
    "DELETE /applications/Iv1.a/token",
    "DELETE /applications/Iv1.a/token",
  ]);
});

Deno.test("GitHubOAuth.revoke() fails as unauthorized with a wrong secret", async () => {
  await using mona = setUpOAuth("oauth_app", { clientSecret: "another" });
  const token = mona.simulator.signIn("mona", "Iv1.a");
  const { failure } = await rejectedGitHubError(mona.login.revoke(token, neverAborted));
  assertEquals(failure, { kind: "unauthorized" });
});

Deno.test("GitHubOAuth.fetchProfile() returns the profile of a user", async () => {
  for (const api of ["", "/api/v3"]) {
    await using mona = setUpOAuth("oauth_app", { api });
    const { accessToken } = await mona.tokens();
    assertEquals(await mona.login.fetchProfile(accessToken, neverAborted), {
      id: 7,
      login: "mona",
      name: "Mona Lisa",
      avatarUrl: `${mona.github.url}/avatars/u/7?v=4`,
    });
    assertEquals(mona.requests().at(-1), `GET ${api}/user`);
  }
});

Deno.test("GitHubOAuth.fetchProfile() distinguishes a rate limit from a rejected token", async () => {
  await using mona = setUpOAuth();
  const token = mona.simulator.signIn("mona", "Iv1.a");
  mona.simulator.faults.add({ kind: "secondary_limit", retryAfter: 30 });
  const limited = await rejectedGitHubError(mona.login.fetchProfile(token, neverAborted));
  assertEquals(limited.failure, { kind: "rate_limited", retryAt: mona.clock.now() + 30_000 });
  mona.simulator.credentials.revoke(token);
  assertMatch(
    await rejectionMessage(mona.login.fetchProfile(token, neverAborted)),
    /^GitHub answered GET \/user/,
  );
});

Deno.test("GitHubOAuth.listOrganizations() reads all pages of a user's organizations", async () => {
  await using mona = setUpOAuth();
  const organizations = Array.from({ length: 230 }, (_, at) => `org-${at}`);
  mona.world.users.add({ login: "hubot", id: 8, organizations: organizations });
  const of = (login: string) =>
    mona.login.listOrganizations(mona.simulator.signIn(login, "Iv1.a"), neverAborted);
  assertEquals(await of("hubot"), organizations);
  assertEquals(mona.requests().length, 3);
  assertEquals(await of("mona"), ["octo-org"]);
  mona.world.users.leave("mona", "octo-org");
  assertEquals(await of("mona"), []);
});

Deno.test("GitHubOAuth.listOrganizations() omits invitations, and sends the token to no other host", async () => {
  const membership = (login: string, state: string) => ({ state, organization: { login } });
  await using other = new FakeServer(() => Response.json([membership("other", "active")]));
  await using server = new FakeServer((_request, count) => {
    const page = [membership("octo-org", "active"), membership("invited", "pending")];
    const link = `<${other.url}/user/memberships/orgs?page=2>; rel="next"`;
    return Response.json(page, { headers: count === 1 ? {} : { link } });
  });
  assertEquals(await createOAuth(server).listOrganizations("ghu_a", neverAborted), ["octo-org"]);
  const { failure } = await rejectedGitHubError(
    createOAuth(server).listOrganizations("ghu_a", neverAborted),
  );
  assertEquals([failure, other.requests.length], [{ kind: "unavailable" }, 0]);
});

Deno.test("GitHubOAuth.listOrganizations() names the missing scope", async () => {
  await using mona = setUpOAuth();
  const token = mona.simulator.signIn("mona", "Iv1.a", ["repo"]);
  const { failure, message } = await rejectedGitHubError(
    mona.login.listOrganizations(token, neverAborted),
  );
  assertEquals(failure, { kind: "unauthorized" });
  assertMatch(message, /the scope read:org/);
});
