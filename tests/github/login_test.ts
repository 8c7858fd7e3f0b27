import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TokenRejectedError } from "../../src/account/oauth_provider.ts";
import { systemClock } from "../../src/clock.ts";
import { GitHubLogin } from "../../src/github/login.ts";
import { CALLBACK, CHALLENGE, signedIn, VERIFIER } from "./signed_in.ts";
import { never, refused, Server } from "./server.ts";

const EIGHT_HOURS_MS = 8 * 60 * 60 * 1_000;

/** The words with which GitHub does not let somebody in; fails the test when it does. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const { message } = await assertRejects(() => promise, TokenRejectedError);
  return message;
}

/** A login at a server that answers as a test says. */
function loginAt({ url }: Server): GitHubLogin {
  const app = { clientId: "Iv1.a", clientSecret: "shh", webUrl: url, apiUrl: url };
  return new GitHubLogin({ ...app, version: "1.2.3", clock: systemClock });
}

const GRANT = { code: "c", verifier: VERIFIER, redirectUri: CALLBACK };

Deno.test("GitHubLogin.authorizationUrl() asks for what we need, with state and PKCE", async () => {
  await using mona = signedIn();
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

Deno.test("GitHubLogin.exchange() gives a token of an OAuth app, which does not expire", async () => {
  await using mona = signedIn();
  const { accessToken, ...rest } = await mona.tokens();
  assertMatch(accessToken, /^gho_/);
  assertEquals(rest, {
    expiresAt: undefined,
    refreshToken: undefined,
    refreshExpiresAt: undefined,
  });
});

Deno.test("GitHubLogin.exchange() gives the tokens of a GitHub App, with the times of their ends", async () => {
  await using mona = signedIn("github_app");
  const { accessToken, expiresAt, refreshToken, refreshExpiresAt } = await mona.tokens();
  assertMatch(accessToken, /^ghu_/);
  assertMatch(refreshToken ?? "", /^ghr_/);
  const now = mona.clock.now();
  assertEquals([expiresAt, refreshExpiresAt], [now + EIGHT_HOURS_MS, now + 15_897_600_000]);
});

Deno.test("GitHubLogin.exchange() refuses a code that was used, is wrong or has expired", async () => {
  await using mona = signedIn();
  const grant = await mona.grant();
  await mona.login.exchangeCode(grant, never);
  const words = "GitHub gives no token: bad_verification_code";
  assertEquals(await refusal(mona.login.exchangeCode(grant, never)), words);
  assertEquals(await refusal(mona.login.exchangeCode({ ...grant, code: "made-up" }, never)), words);
  const late = await mona.grant();
  mona.clock.pass(601);
  assertEquals(await refusal(mona.login.exchangeCode(late, never)), words);
});

Deno.test("GitHubLogin.exchange() refuses a code that was issued for another verifier", async () => {
  await using mona = signedIn();
  const grant = { ...await mona.grant(), verifier: "another-verifier-of-43-characters-or-more-00" };
  assertMatch(await refusal(mona.login.exchangeCode(grant, never)), /bad_verification_code$/);
});

Deno.test("GitHubLogin.exchange() is unauthorized with a wrong secret or address, which is no user's fault", async () => {
  await using mona = signedIn("oauth_app", { clientSecret: "another" });
  const wrongSecret = await refused(mona.tokens());
  assertEquals(wrongSecret.refusal, { kind: "unauthorized" });
  assertEquals(wrongSecret.message, "GitHub gives no token: incorrect_client_credentials");
  await using hubot = signedIn();
  const grant = { ...await hubot.grant(), redirectUri: "http://127.0.0.1:1/login/callback" };
  const elsewhere = await refused(hubot.login.exchangeCode(grant, never));
  assertEquals(elsewhere.refusal, { kind: "unauthorized" });
});

Deno.test("GitHubLogin.exchange() is refused as unavailable by what is no answer of GitHub's", async () => {
  await using mona = signedIn();
  const faults = [
    { kind: "status", status: 502 },
    { kind: "status", status: 500, body: "json" },
    { kind: "cut" },
  ] as const;
  for (const fault of faults) {
    const grant = await mona.grant();
    mona.simulator.faults.add(fault);
    const { refusal } = await refused(mona.login.exchangeCode(grant, never));
    assertEquals(refusal, { kind: "unavailable" });
  }
});

Deno.test("GitHubLogin.exchange() is limited where GitHub says so, and reads nothing that is not as documented", async () => {
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
  await using server = new Server((_request, count) =>
    answers[count - 1]?.() ?? Response.json(token)
  );
  const kinds: string[] = [];
  for (const _ of answers) {
    const { refusal, message } = await refused(loginAt(server).exchangeCode(GRANT, never));
    assert(!/gho_a|soon|<b>/.test(message), message);
    kinds.push(refusal.kind);
  }
  assertEquals(kinds, ["limited", "missing", ...Array(7).fill("unavailable")]);
  assertEquals((await loginAt(server).exchangeCode(GRANT, never)).accessToken, "gho_a");
  assertEquals(new Set(server.sent("user-agent")), new Set(["runwire/1.2.3"]));
});

Deno.test("GitHubLogin.exchange() waits for GitHub ten seconds, and no longer", async () => {
  await using mona = signedIn();
  const grant = await mona.grant();
  mona.simulator.faults.add({ kind: "delay", ms: 60_000 });
  const asked = refused(mona.login.exchangeCode(grant, never));
  await mona.clock.untilAsleep();
  while (mona.clock.sleeping < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  mona.clock.pass(10);
  const { refusal, message } = await asked;
  assertEquals(refusal, { kind: "unavailable" });
  assertEquals(message, "GitHub did not answer POST /login/oauth/access_token within 10 s");
});

Deno.test("GitHubLogin.refresh() changes a pair of tokens for another, once", async () => {
  await using mona = signedIn("github_app");
  const first = await mona.tokens();
  mona.clock.pass(8 * 60 * 60);
  assert(first.refreshToken);
  assertMatch(await refusal(mona.login.fetchProfile(first.accessToken, never)), /401: Bad credentials$/);
  const second = await mona.login.refresh(first.refreshToken, never);
  assertEquals(second.expiresAt, mona.clock.now() + EIGHT_HOURS_MS);
  assertEquals((await mona.login.fetchProfile(second.accessToken, never)).id, 7);
  assertEquals(
    await refusal(mona.login.refresh(first.refreshToken, never)),
    "GitHub gives no token: bad_refresh_token",
  );
});

Deno.test("GitHubLogin.refresh() refuses a token that has expired or was revoked", async () => {
  await using mona = signedIn("github_app");
  const { refreshToken: late = "" } = await mona.tokens();
  mona.clock.pass(15_897_600);
  assertMatch(await refusal(mona.login.refresh(late, never)), /bad_refresh_token$/);
  const { refreshToken: gone = "" } = await mona.tokens();
  mona.simulator.revokeAuthorization("mona");
  assertMatch(await refusal(mona.login.refresh(gone, never)), /bad_refresh_token$/);
});

Deno.test("GitHubLogin.revoke() lets a token go, and does not mind one that is gone", async () => {
  await using mona = signedIn();
  const { accessToken } = await mona.tokens();
  await mona.login.revoke(accessToken, never);
  assertMatch(await refusal(mona.login.fetchProfile(accessToken, never)), /401: Bad credentials$/);
  await mona.login.revoke(accessToken, never);
  assertEquals(mona.asked().filter((asked) => asked.startsWith("DELETE")), [
    "DELETE /applications/Iv1.a/token",
    "DELETE /applications/Iv1.a/token",
  ]);
});

Deno.test("GitHubLogin.revoke() is unauthorized with a wrong secret", async () => {
  await using mona = signedIn("oauth_app", { clientSecret: "another" });
  const token = mona.simulator.signIn("mona", "Iv1.a");
  const { refusal } = await refused(mona.login.revoke(token, never));
  assertEquals(refusal, { kind: "unauthorized" });
});

Deno.test("GitHubLogin.profile() tells who somebody is", async () => {
  for (const api of ["", "/api/v3"]) {
    await using mona = signedIn("oauth_app", { api });
    const { accessToken } = await mona.tokens();
    assertEquals(await mona.login.fetchProfile(accessToken, never), {
      id: 7,
      login: "mona",
      name: "Mona Lisa",
      avatarUrl: `${mona.github.url}/avatars/u/7?v=4`,
    });
    assertEquals(mona.asked().at(-1), `GET ${api}/user`);
  }
});

Deno.test("GitHubLogin.profile() tells a limit from a token that is not accepted", async () => {
  await using mona = signedIn();
  const token = mona.simulator.signIn("mona", "Iv1.a");
  mona.simulator.faults.add({ kind: "secondary_limit", retryAfter: 30 });
  const limited = await refused(mona.login.fetchProfile(token, never));
  assertEquals(limited.refusal, { kind: "limited", retryAt: mona.clock.now() + 30_000 });
  mona.simulator.credentials.revoke(token);
  assertMatch(await refusal(mona.login.fetchProfile(token, never)), /^GitHub answered GET \/user/);
});

Deno.test("GitHubLogin.organisations() lists all that a user is a member of, page after page", async () => {
  await using mona = signedIn();
  const organisations = Array.from({ length: 230 }, (_, at) => `org-${at}`);
  mona.world.people.add({ login: "hubot", id: 8, organisations });
  const of = (login: string) =>
    mona.login.listOrganizations(mona.simulator.signIn(login, "Iv1.a"), never);
  assertEquals(await of("hubot"), organisations);
  assertEquals(mona.asked().length, 3);
  assertEquals(await of("mona"), ["octo-org"]);
  mona.world.people.leave("mona", "octo-org");
  assertEquals(await of("mona"), []);
});

Deno.test("GitHubLogin.organisations() leaves out who was invited, and takes the token nowhere else", async () => {
  const membership = (login: string, state: string) => ({ state, organization: { login } });
  await using other = new Server(() => Response.json([membership("other", "active")]));
  await using server = new Server((_request, count) => {
    const page = [membership("octo-org", "active"), membership("invited", "pending")];
    const link = `<${other.url}/user/memberships/orgs?page=2>; rel="next"`;
    return Response.json(page, { headers: count === 1 ? {} : { link } });
  });
  assertEquals(await loginAt(server).listOrganizations("ghu_a", never), ["octo-org"]);
  const { refusal } = await refused(loginAt(server).listOrganizations("ghu_a", never));
  assertEquals([refusal, other.requests.length], [{ kind: "unavailable" }, 0]);
});

Deno.test("GitHubLogin.organisations() says which scope is missing", async () => {
  await using mona = signedIn();
  const token = mona.simulator.signIn("mona", "Iv1.a", ["repo"]);
  const { refusal, message } = await refused(mona.login.listOrganizations(token, never));
  assertEquals(refusal, { kind: "unauthorized" });
  assertMatch(message, /the scope read:org/);
});
