import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fetchConsentRedirect, fetchCurrentUser, statusAndCode } from "../fakes/clients/browser.ts";
import { OffsetClock } from "../fakes/clock.ts";
import { OAUTH_CLIENT, startLoginApp } from "../fakes/apps/login_app.ts";

const HOUR_MS = 60 * 60_000;

for (const kind of ["oauth_app", "github_app"] as const) {
  Deno.test(`Login redirects to GitHub and back, and signs the user in (${kind})`, async () => {
    await using app = await startLoginApp({ kind });
    const browser = app.browser();
    assertEquals(await fetchCurrentUser(browser), [401, "unauthenticated"]);
    const loginResponse = await browser.request("POST", "/login?return_to=/docs?a=1");
    await loginResponse.body?.cancel();
    const url = new URL(loginResponse.headers.get("location") ?? "");
    assertEquals([loginResponse.status, url.pathname], [303, "/login/oauth/authorize"]);
    const { searchParams: query } = url;
    assertEquals(query.get("client_id"), OAUTH_CLIENT.clientId);
    assertEquals(query.get("redirect_uri"), `${app.url}/login/callback`);
    assertEquals(query.get("code_challenge_method"), "S256");
    assertMatch(query.get("state") ?? "", /^[\w-]{43}$/);
    assertMatch(query.get("code_challenge") ?? "", /^[\w-]{43}$/);
    const back = await browser.finishSignIn(await fetchConsentRedirect(url.href));
    await back.body?.cancel();
    assertEquals([back.status, back.headers.get("location")], [303, "/docs?a=1"]);
    assertEquals([...browser.cookies.keys()], ["runwire"]);
    const me = await (await browser.get("/api/v1/me")).json();
    assertEquals([me.kind, me.permissions, me.key], ["session", ["read"], null]);
    assertEquals([me.user.login, me.user.role], ["hubot", "viewer"]);
  });
}

Deno.test("Login sets cookies that scripts and other sites cannot read", async () => {
  await using app = await startLoginApp();
  const browser = app.browser();
  await (await browser.signIn()).body?.cancel();
  assertEquals(browser.setCookieHeaders.length, 3);
  for (const cookie of browser.setCookieHeaders) {
    assertMatch(cookie, /; Path=\/; HttpOnly; SameSite=Lax$/);
    assertEquals(/domain|secure/i.test(cookie), false);
  }
  assertMatch(browser.setCookieHeaders[0] ?? "", /^runwire-login=[\w.-]+; Max-Age=600;/);
  assertMatch(browser.setCookieHeaders.at(-1) ?? "", /^runwire=[\w-]{43}; Max-Age=2592000;/);
});

Deno.test("Login returns the redirect URL as JSON on request", async () => {
  await using app = await startLoginApp();
  const response = await fetch(`${app.url}/login`, {
    method: "POST",
    headers: { accept: "application/json" },
  });
  assertEquals(response.status, 200);
  const { url } = await response.json();
  assertEquals(new URL(url).pathname, "/login/oauth/authorize");
  assertEquals(response.headers.get("cache-control"), "no-store");
});

Deno.test("Login rejects the state of another browser", async () => {
  await using app = await startLoginApp();
  const browser = app.browser();
  const callback = new URL(await browser.startSignIn());
  const attacker = app.browser();
  const attackerCallback = new URL(await attacker.startSignIn());
  // Another user's code and state in this browser: login CSRF.
  assertEquals(await statusAndCode(browser.finishSignIn(attackerCallback.href)), [400]);
  assertEquals(browser.cookies.size, 0);
  // Its own state, but without the cookie; and a changed one.
  assertEquals(await statusAndCode(app.browser().finishSignIn(callback.href)), [400]);
  for (const state of ["", "x", callback.searchParams.get("state")?.slice(1) ?? ""]) {
    const other = app.browser();
    const url = new URL(await other.startSignIn());
    url.searchParams.set("state", state);
    assertEquals(await statusAndCode(other.finishSignIn(url.href)), [400]);
    url.searchParams.delete("state");
    assertEquals(await fetchCurrentUser(other), [401, "unauthenticated"]);
  }
});

Deno.test("Login is single-use: its cookie and its code cannot be reused", async () => {
  await using app = await startLoginApp();
  const browser = app.browser();
  const callback = await browser.startSignIn();
  const savedCookies = new Map(browser.cookies);
  assertEquals(await statusAndCode(browser.finishSignIn(callback)), [303]);
  assertEquals(await statusAndCode(browser.finishSignIn(callback)), [400]);
  const thief = app.browser();
  for (const [name, value] of savedCookies) thief.cookies.set(name, value);
  assertEquals(await statusAndCode(thief.finishSignIn(callback)), [403]);
  assertEquals(await fetchCurrentUser(thief), [401, "unauthenticated"]);
});

Deno.test("Login rejects a cookie with an invalid signature", async () => {
  await using app = await startLoginApp();
  const browser = app.browser();
  const callback = await browser.startSignIn();
  const cookie = browser.cookies.get("runwire-login") ?? "";
  const [text = "", signature = ""] = cookie.split(".");
  const state = new TextDecoder().decode(
    Uint8Array.fromBase64(text, { alphabet: "base64url" }),
  );
  const forged = new TextEncoder().encode(state.replace('"returnTo":"/"', '"returnTo":"//evil"'));
  const forgedText = forged.toBase64({ alphabet: "base64url", omitPadding: true });
  assertNotEquals(forgedText, text);
  for (const value of [`${forgedText}.${signature}`, text, `${text}.`, "x.y", `${cookie}A`]) {
    const thief = app.browser();
    thief.cookies.set("runwire-login", value);
    assertEquals(await statusAndCode(thief.finishSignIn(callback)), [400], value);
  }
});

Deno.test("Login expires after ten minutes", async () => {
  const clock = new OffsetClock();
  await using app = await startLoginApp({ clock });
  const browser = app.browser();
  const callback = await browser.startSignIn();
  clock.advance(10 * 60_000);
  assertEquals(await statusAndCode(browser.finishSignIn(callback)), [400]);
});

Deno.test("Login reports a denied authorization as a page without script, or as JSON", async () => {
  await using app = await startLoginApp();
  app.consentAs("denied");
  const browser = app.browser();
  const page = await browser.signIn();
  assertEquals([page.status, page.headers.get("content-type")], [403, "text/html; charset=UTF-8"]);
  const text = await page.text();
  assertMatch(text, /<h1>Sign-in cancelled<\/h1>/);
  assertEquals(/<script|style=|onclick/i.test(text), false);
  assertMatch(page.headers.get("content-security-policy") ?? "", /^default-src 'none';/);
  assertEquals(browser.cookies.size, 0);
  const { pathname, search } = new URL(await browser.startSignIn());
  const json = await browser.get(pathname + search, { accept: "application/json" });
  assertEquals([json.status, (await json.json()).code], [403, "login_denied"]);
});

Deno.test("Login reports that GitHub is unavailable", async () => {
  await using app = await startLoginApp();
  const browser = app.browser();
  const callback = await browser.startSignIn();
  app.simulator.faults.add({ kind: "status", status: 502 }, { requests: 9, path: /access_token/ });
  const response = await browser.finishSignIn(callback);
  await response.body?.cancel();
  assertEquals([response.status, response.headers.has("retry-after")], [503, true]);
});

Deno.test("Login only returns to local paths", async () => {
  await using app = await startLoginApp();
  for (
    const path of [
      "//evil.example",
      "/\\evil.example",
      "\\/evil.example",
      "https://evil.example",
      "/\t/evil.example",
      "javascript:alert(1)",
      "evil",
      "",
    ]
  ) {
    const query = `?return_to=${encodeURIComponent(path)}`;
    const answer = app.browser().request("POST", `/login${query}`);
    assertEquals(await statusAndCode(answer), [400, "return_path_invalid"], JSON.stringify(path));
  }
});

Deno.test("Login returns to any local path", async () => {
  await using app = await startLoginApp();
  for (const path of ["/", "/runs?branch=a%2Fb#x", "/.//evil.example", "/@evil.example"]) {
    const back = await app.browser().signIn(path);
    await back.body?.cancel();
    const url = new URL(back.headers.get("location") ?? "", `${app.url}/login/callback`);
    assertEquals(url.origin, app.url, path);
  }
});

Deno.test("Login cannot be started by a page of another site", async () => {
  await using app = await startLoginApp();
  for (
    const headers of [
      { origin: "https://evil.example" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]
  ) {
    const response = await fetch(`${app.url}/login`, {
      method: "POST",
      redirect: "manual",
      headers: headers as Record<string, string>,
    });
    assertEquals([response.status, (await response.json()).code], [403, "origin_not_allowed"]);
    assertEquals(response.headers.getSetCookie(), []);
  }
});

Deno.test("Login is rate limited by address, whatever the request", async () => {
  await using app = await startLoginApp();
  for (
    const [method, path, status] of [["POST", "/login", 303], [
      "GET",
      "/login/callback",
      400,
    ]] as const
  ) {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const response = await fetch(app.url + path, { method, redirect: "manual" });
      await response.body?.cancel();
      statuses.push(response.status);
      const wait = response.headers.get("retry-after") ?? "";
      if (response.status === 429) assertMatch(wait, /^[1-6]$/);
    }
    assertEquals(statuses, [...Array(10).fill(status), 429, 429], path);
  }
});

Deno.test("Login requires membership in an allowed organization, also later", async () => {
  const clock = new OffsetClock();
  await using app = await startLoginApp({ clock, environment: { ALLOWED_ORGS: "Octo-Org,other" } });
  const rejected = await app.browser().signIn();
  assertEquals(rejected.status, 403);
  assertMatch(await rejected.text(), /Organization membership required/);
  app.world.users.join("hubot", "octo-org");
  const browser = await app.signIn("hubot");
  const { user, permissions } = await (await browser.get("/api/v1/me")).json();
  assertEquals([user.role, permissions.includes("write")], ["member", true]);
  app.world.users.leave("hubot", "octo-org");
  clock.advance(HOUR_MS);
  assertEquals(await fetchCurrentUser(browser), [401, "unauthenticated"]);
  // A configured admin needs no organization.
  assertEquals(await fetchCurrentUser(await app.signIn("mona")), [200, "mona"]);
});

Deno.test("Login over TLS sets cookies for the server's host only", async () => {
  await using app = await startLoginApp({
    environment: { PUBLIC_URL: "https://ci.example.com/runs" },
  });
  const response = await fetch(`${app.url}/login`, { method: "POST", redirect: "manual" });
  await response.body?.cancel();
  const [cookie = ""] = response.headers.getSetCookie();
  assertMatch(cookie, /^__Host-runwire-login=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  const location = new URL(response.headers.get("location") ?? "");
  assertEquals(
    location.searchParams.get("redirect_uri"),
    "https://ci.example.com/runs/login/callback",
  );
  assert(!cookie.includes("Domain"));
});
