import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { resolveRedirectUri } from "../../../src/simulator/auth/oauth_app.ts";
import { CALLBACK, CHALLENGE, CLIENT, setUpOAuthApp, VERIFIER } from "./oauth_setup.ts";

Deno.test("GET /login/oauth/authorize redirects with a code and the state", async () => {
  await using github = setUpOAuthApp();
  const url = await github.authorize();
  assertEquals(url && url.origin + url.pathname, CALLBACK);
  assertEquals(url?.searchParams.get("state"), "xyz");
  assertMatch(url?.searchParams.get("code") ?? "", /^[0-9a-f]{20}$/);
});

Deno.test("GET /login/oauth/authorize redirects with access_denied if the user declines", async () => {
  await using github = setUpOAuthApp();
  github.simulator.consent = () => "denied";
  const url = await github.authorize();
  assertEquals(Object.fromEntries(url?.searchParams ?? []), {
    error: "access_denied",
    error_description: "The user has denied your application access.",
    state: "xyz",
  });
});

Deno.test("Simulator.consent receives the whole authorization request", async () => {
  await using github = setUpOAuthApp();
  const authorizations: unknown[] = [];
  github.simulator.consent = (request) => {
    authorizations.push(request);
    return "mona";
  };
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
  await github.authorize({ scope: "read:org repo", login: "mona", ...pkce });
  assertEquals(authorizations, [{
    clientId: "Iv1.a",
    redirectUri: CALLBACK,
    scopes: ["read:org", "repo"],
    state: "xyz",
    login: "mona",
    challenge: CHALLENGE,
  }]);
});

Deno.test("GET /login/oauth/authorize does not redirect to an unregistered URL", async () => {
  await using github = setUpOAuthApp();
  const url = await github.authorize({ redirect_uri: "https://evil.example/login/callback" });
  assertEquals(url?.host, "127.0.0.1");
  assertEquals(url?.searchParams.get("error"), "redirect_uri_mismatch");
  assertEquals(await github.authorize({ client_id: "unknown" }), undefined);
  const plain = { code_challenge: VERIFIER, code_challenge_method: "plain" };
  assertEquals(await github.authorize(plain), undefined);
});

Deno.test("resolveRedirectUri() follows GitHub's examples of valid and invalid URLs", () => {
  const app = { clientId: "a", clientSecret: "b", kind: "oauth_app" as const };
  const oauth = { ...app, callbackUrls: ["http://example.com/path"] };
  const good = ["", "/subdir/other"].map((path) => `example.com/path${path}`);
  const bad = ["example.com/bar", "example.com/", "example.com:8080/path", "example.org"];
  for (const [hosts, isGood] of [[good, true], [bad, false]] as const) {
    for (const host of hosts) {
      for (const url of [`http://${host}`, `http://oauth.${host}`]) {
        assertEquals(resolveRedirectUri(oauth, url), isGood ? url : undefined, url);
      }
    }
  }
  assertEquals(resolveRedirectUri(oauth, "http://example.com/pathology"), undefined);
  assertEquals(resolveRedirectUri(oauth, "no address"), undefined);
  assertEquals(resolveRedirectUri(oauth, undefined), "http://example.com/path");
  const loopback = { ...app, callbackUrls: ["http://127.0.0.1/path"] };
  assertEquals(
    resolveRedirectUri(loopback, "http://127.0.0.1:1234/path"),
    "http://127.0.0.1:1234/path",
  );
  const github = { ...oauth, kind: "github_app" as const };
  assertEquals(resolveRedirectUri(github, "http://example.com/path"), "http://example.com/path");
  assertEquals(resolveRedirectUri(github, "http://example.com/path/subdir"), undefined);
});

Deno.test("POST access_token exchanges a code once", async () => {
  await using github = setUpOAuthApp();
  const code = await github.authorizationCode({ scope: "read:org repo" });
  const { json } = await github.token({ code, redirect_uri: CALLBACK });
  assertMatch(String(json.access_token), /^gho_[0-9a-f]{36}$/);
  assertEquals(json, {
    access_token: json.access_token,
    scope: "read:org,repo",
    token_type: "bearer",
  });
  const { json: user } = await github.request("/user", github.bearer(json.access_token));
  assertEquals([user.login, user.id], ["mona", 7]);
  const again = await github.token({ code });
  assertEquals([again.status, again.json.error], [200, "bad_verification_code"]);
});

Deno.test("POST access_token rejects a code of another client", async () => {
  await using github = setUpOAuthApp();
  const { simulator } = github;
  simulator.registerOAuthApp({ clientId: "other", clientSecret: "shh", kind: "oauth_app" });
  const error = async (fields: Readonly<Record<string, string>>) =>
    (await github.token(fields)).json.error;
  const code = await github.authorizationCode();
  assertEquals(await error({ code, client_secret: "wrong" }), "incorrect_client_credentials");
  assertEquals(await error({ code, client_id: "unknown" }), "incorrect_client_credentials");
  assertEquals(await error({ code, client_id: "other" }), "bad_verification_code");
  assertEquals(await error({ code, grant_type: "password" }), "unsupported_grant_type");
  const elsewhere = "http://127.0.0.1:4321/login/callback/other";
  assertEquals(await error({ code, redirect_uri: elsewhere }), "redirect_uri_mismatch");
  const late = await github.authorizationCode();
  github.clock.advance(600);
  assertEquals(await error({ code: late }), "bad_verification_code");
});

Deno.test("POST access_token requires the verifier of the challenge", async () => {
  await using github = setUpOAuthApp();
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: "S256" };
  for (const fields of [{}, { code_verifier: "wrong" }, { code_verifier: CHALLENGE }]) {
    const { json } = await github.token({ code: await github.authorizationCode(pkce), ...fields });
    assertEquals(json.error, "bad_verification_code");
  }
  const code = await github.authorizationCode(pkce);
  const { json } = await github.token({ code, code_verifier: VERIFIER });
  assertMatch(String(json.access_token), /^gho_/);
});

Deno.test("POST access_token responds with a form unless the client accepts JSON", async () => {
  await using github = setUpOAuthApp();
  const { text, headers } = await github.token({ code: await github.authorizationCode() }, "*/*");
  assertEquals(headers.get("content-type"), "application/x-www-form-urlencoded");
  assertMatch(text, /^access_token=gho_[0-9a-f]{36}&scope=&token_type=bearer$/);
});

Deno.test("POST access_token accepts JSON, too", async () => {
  await using github = setUpOAuthApp();
  const { json } = await github.request("/login/oauth/access_token", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify({ ...CLIENT, code: await github.authorizationCode() }),
  });
  assertMatch(String(json.access_token), /^gho_/);
});

Deno.test("POST access_token issues expiring tokens to a GitHub App, and refreshes them once", async () => {
  await using github = setUpOAuthApp("github_app");
  const { json: first } = await github.token({
    code: await github.authorizationCode({ scope: "repo" }),
  });
  assertEquals({ ...first, access_token: "", refresh_token: "" }, {
    access_token: "",
    expires_in: 28_800,
    refresh_token: "",
    refresh_token_expires_in: 15_897_600,
    scope: "",
    token_type: "bearer",
  });
  const status = async (token: unknown) =>
    (await github.request("/user", github.bearer(token))).status;
  assertEquals(await status(first.access_token), 200);
  const refresh = { grant_type: "refresh_token", refresh_token: String(first.refresh_token) };
  const { json: second } = await github.token(refresh);
  assertNotEquals(second.access_token, first.access_token);
  assertEquals([await status(first.access_token), await status(second.access_token)], [401, 200]);
  assertEquals((await github.token(refresh)).json.error, "bad_refresh_token");
  github.clock.advance(28_800);
  assertEquals(await status(second.access_token), 401);
});

Deno.test("POST access_token issues non-expiring tokens to a GitHub App that opted out", async () => {
  await using github = setUpOAuthApp("github_app", { hasNonExpiringTokens: true });
  const { json } = await github.token({ code: await github.authorizationCode() });
  assertEquals(json, { access_token: json.access_token, scope: "", token_type: "bearer" });
  github.clock.advance(15_897_600);
  assertEquals((await github.request("/user", github.bearer(json.access_token))).status, 200);
});

Deno.test("POST access_token revokes the oldest of eleven tokens of a user, app and scope", async () => {
  await using github = setUpOAuthApp();
  const tokens = Array.from({ length: 11 }, () => github.simulator.signIn("mona", "Iv1.a"));
  const statuses: number[] = [];
  for (const token of tokens.slice(0, 2)) {
    statuses.push((await github.request("/user", github.bearer(token))).status);
  }
  assertEquals(statuses, [401, 200]);
});

Deno.test("DELETE /applications/:client/token and /grant require the credentials of the app", async () => {
  await using github = setUpOAuthApp();
  const { simulator } = github;
  simulator.registerOAuthApp({ clientId: "other", clientSecret: "shh", kind: "oauth_app" });
  const [a, b, c] = [1, 2, 3].map(() => simulator.signIn("mona", "Iv1.a"));
  const remove = async (what: string, token: unknown, basic = "Iv1.a:shh") => {
    const authorization = `Basic ${btoa(basic)}`;
    const body = JSON.stringify({ access_token: token });
    return (await github.request(what, { method: "DELETE", headers: { authorization }, body }))
      .status;
  };
  const path = "/applications/Iv1.a/token";
  assertEquals(await remove(path, a, "Iv1.a:wrong"), 401);
  assertEquals(await remove(path, a, "other:shh"), 404);
  assertEquals(await remove("/applications/other/token", a, "other:shh"), 404);
  assertEquals(await remove(path, undefined), 422);
  assertEquals(await remove(path, a), 204);
  assertEquals(await remove(path, a), 404);
  assertEquals((await github.request("/user", github.bearer(b))).status, 200);
  assertEquals(await remove("/applications/Iv1.a/grant", b), 204);
  assertEquals((await github.request("/user", github.bearer(c))).status, 401);
});
