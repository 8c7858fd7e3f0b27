import { assertEquals, assertNotEquals } from "@std/assert";
import { DAY_MS } from "../../src/clock.ts";
import { fetchCurrentUser, statusAndCode } from "../fakes/clients/browser.ts";
import { OffsetClock } from "../fakes/clock.ts";
import { startLoginApp } from "../fakes/apps/login_app.ts";

const HOUR_MS = 60 * 60_000;

Deno.test("Session gets a new token with each login, whatever the browser had before", async () => {
  await using app = await startLoginApp();
  const victim = app.browser();
  const planted = await app.signIn("nat");
  app.consentAs("hubot");
  for (const token of [planted.cookies.get("runwire") ?? "", "f".repeat(43)]) {
    victim.cookies.set("runwire", token);
    const back = await victim.signIn();
    await back.body?.cancel();
    assertNotEquals(victim.cookies.get("runwire"), token);
    assertEquals(await fetchCurrentUser(victim), [200, "hubot"]);
    // The planted session is not signed in as hubot; it has ended because nat left this browser.
    const attacker = app.browser();
    attacker.cookies.set("runwire", token);
    assertEquals(await fetchCurrentUser(attacker), [401, "unauthenticated"]);
  }
});

Deno.test("Session token cannot be forged", async () => {
  await using app = await startLoginApp();
  const browser = await app.signIn("hubot");
  const token = browser.cookies.get("runwire") ?? "";
  const forged = token.startsWith("A") ? `B${token.slice(1)}` : `A${token.slice(1)}`;
  for (const value of [forged, token.slice(1), `${token}A`, "", "%00", "null"]) {
    browser.cookies.set("runwire", value);
    assertEquals(await fetchCurrentUser(browser), [401, "unauthenticated"], value);
  }
});

Deno.test("Session ends after a week without use, and after a month in any case", async () => {
  const clock = new OffsetClock();
  await using app = await startLoginApp({ clock });
  const idle = await app.signIn("hubot");
  const used = await app.signIn("nat");
  for (let days = 0; days < 30; days += 5) {
    assertEquals(await fetchCurrentUser(used), [200, "nat"], `after ${days} days`);
    clock.advance(5 * DAY_MS);
    if (days === 5) assertEquals(await fetchCurrentUser(idle), [401, "unauthenticated"]);
  }
  assertEquals(await fetchCurrentUser(used), [401, "unauthenticated"]);
});

Deno.test("POST /logout ends this session, or all sessions of only this user", async () => {
  await using app = await startLoginApp();
  const [one, two, three] = [
    await app.signIn("hubot"),
    await app.signIn("hubot"),
    await app.signIn("hubot"),
  ];
  const nat = await app.signIn("nat");
  const copy = app.browser();
  copy.cookies.set("runwire", one.cookies.get("runwire") ?? "");
  assertEquals(await statusAndCode(one.request("POST", "/logout")), [204]);
  assertEquals([one.cookies.size, await fetchCurrentUser(copy)], [0, [401, "unauthenticated"]]);
  assertEquals(await fetchCurrentUser(two), [200, "hubot"]);
  assertEquals(await statusAndCode(two.request("POST", "/logout?everywhere=true")), [204]);
  assertEquals(await fetchCurrentUser(three), [401, "unauthenticated"]);
  assertEquals(await fetchCurrentUser(nat), [200, "nat"]);
  assertEquals(await statusAndCode(one.request("POST", "/logout")), [204]);
});

Deno.test("POST /logout requires the server's own origin", async () => {
  await using app = await startLoginApp();
  const browser = await app.signIn("hubot");
  for (const headers of [{}, { origin: "https://evil.example" }]) {
    const response = await fetch(`${app.url}/logout`, {
      method: "POST",
      headers: { ...headers, cookie: browser.cookie },
    });
    assertEquals((await response.json()).code, "origin_not_allowed");
  }
  assertEquals(await fetchCurrentUser(browser), [200, "hubot"]);
});

Deno.test("Session ends as soon as GitHub rejects its token", async () => {
  const clock = new OffsetClock();
  await using app = await startLoginApp({ clock });
  app.world.addRepository({ full_name: "octo/app", private: true });
  await app.waitForFirstRun("octo/app");
  const browser = await app.signIn("hubot");
  assertEquals(await statusAndCode(browser.get("/runs")), [200, undefined]);
  app.simulator.revokeAuthorization("hubot");
  // A fresh visibility needs no request to GitHub.
  clock.advance(6 * 60_000);
  assertEquals(await statusAndCode(browser.get("/runs")), [401, "unauthenticated"]);
  assertEquals(await fetchCurrentUser(browser), [401, "unauthenticated"]);
});

Deno.test("User token of a GitHub App is refreshed once before it expires", async () => {
  const clock = new OffsetClock();
  await using app = await startLoginApp({ kind: "github_app", clock });
  app.world.addRepository({ full_name: "octo/app", private: true });
  app.world.users.grant("hubot", "octo/app");
  await app.waitForFirstRun("octo/app");
  const browser = await app.signIn("hubot");
  const exchanges = () =>
    app.simulator.requests.entries.filter(({ path }) => path.includes("access_token")).length;
  assertEquals(exchanges(), 1);
  for (let round = 1; round <= 3; round++) {
    clock.advance(8 * HOUR_MS);
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => await (await browser.get("/repositories")).json()),
    );
    for (const { items } of answers) assertEquals(items?.[0]?.full_name, "octo/app");
    assertEquals(exchanges(), 1 + round);
  }
});
