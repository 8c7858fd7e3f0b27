import { assert, assertEquals, assertMatch } from "@std/assert";
import { OffsetClock } from "../fakes/clock.ts";
import type { Browser } from "../fakes/clients/browser.ts";
import { EventStreamClient } from "../fakes/clients/event_stream.ts";
import { LoginApp, type LoginAppSettings } from "../fakes/apps/login_app.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

async function start(settings: LoginAppSettings = {}) {
  const app = await new LoginApp(settings).start();
  return { app, admin: await app.signIn("mona") };
}

/** Creates a key. */
async function createKey(admin: Browser, fields: Record<string, unknown> = {}) {
  const body = { name: "robot", scopes: ["read"], ...fields };
  const response = await admin.request("POST", "/api/v1/keys", body);
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("cache-control"), "no-store");
  return await response.json();
}

async function requestWithKey(app: LoginApp, key: string, path: string, method = "GET") {
  const response = await fetch(app.url + path, {
    method,
    headers: { authorization: `Bearer ${key}` },
  });
  const { code } = await response.json();
  return [response.status, code];
}

async function statusAndCode(pending: Promise<Response>): Promise<unknown[]> {
  const response = await pending;
  const { code } = await response.json();
  return [response.status, code];
}

/** A WebSocket client that can send headers a page cannot set. */
function connect(app: LoginApp, { query = "", ...headers }: Record<string, string>) {
  // Deno's own: https://docs.deno.com/api/web/~/WebSocketOptions
  return new WebSocketClient(new WebSocket(`${app.socketUrl}${query}`, { headers }));
}

async function isRejected(client: WebSocketClient): Promise<boolean> {
  return await client.opened.then(() => false, () => true);
}

Deno.test("Key is shown once, and has its scopes until it is revoked", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const { key, id, prefix, ...made } = await createKey(admin, { budget_cents: 500 });
  assertMatch(key, /^rw_live_[0-9A-Za-z]{49}$/);
  assertEquals([prefix, made.scopes, made.budget_cents], [key.slice(0, 12), ["read"], 500]);
  assertEquals(await requestWithKey(app, key, "/runs"), [200, undefined]);
  const { items } = await (await admin.get("/api/v1/keys")).json();
  assertEquals([items[0].id, "key" in items[0], items[0].used_at !== null], [id, false, true]);
  const revoked = await (await admin.request("DELETE", `/api/v1/keys/${id}`)).json();
  assert(revoked.revoked_at !== null);
  assertEquals(await requestWithKey(app, key, "/runs"), [401, "unauthenticated"]);
  assertEquals((await statusAndCode(admin.request("DELETE", "/api/v1/keys/999")))[1], "not_found");
});

Deno.test("Key without the required scope gets 403", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const { key } = await createKey(admin, { scopes: ["tasks"] });
  assertEquals(await requestWithKey(app, key, "/api/v1/me"), [200, undefined]);
  for (const path of ["/runs", "/api/v1/stats", "/api/v1/events", "/api/v1/keys"]) {
    assertEquals(await requestWithKey(app, key, path), [403, "forbidden"], path);
  }
  assertEquals(await requestWithKey(app, key, "/api/v1/tickets", "POST"), [403, "forbidden"]);
  assertEquals(await isRejected(connect(app, { authorization: `Bearer ${key}` })), true);
});

Deno.test("Key is rejected after it has expired", async () => {
  const clock = new OffsetClock();
  const { app, admin } = await start({ clock });
  await using _ = app;
  const expires_at = new Date(clock.now() + 60_000).toISOString();
  const { key } = await createKey(admin, { expires_at });
  assertEquals(await requestWithKey(app, key, "/runs"), [200, undefined]);
  clock.advance(60_000);
  assertEquals(await requestWithKey(app, key, "/runs"), [401, "unauthenticated"]);
  const past = { name: "late", scopes: ["read"], expires_at };
  assertEquals(await statusAndCode(admin.request("POST", "/api/v1/keys", past)), [
    400,
    "invalid_body",
  ]);
});

Deno.test("Key requires a readable name", async () => {
  const { app, admin } = await start();
  await using _ = app;
  for (const name of ["", "  ", "a\nb", "\ud800", "x".repeat(101)]) {
    const answer = statusAndCode(admin.request("POST", "/api/v1/keys", { name, scopes: ["read"] }));
    assertEquals(await answer, [400, "invalid_body"], name);
  }
  assertEquals((await createKey(admin, { name: "😀".repeat(100) })).name, "😀".repeat(100));
});

Deno.test("Key is rejected when any part of it is changed", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const { key } = await createKey(admin);
  for (const at of [8, 30, 50, 51, 56]) {
    const other = key[at] === "a" ? "b" : "a";
    const altered = key.slice(0, at) + other + key.slice(at + 1);
    assertEquals(await requestWithKey(app, altered, "/runs"), [401, "unauthenticated"], altered);
  }
});

Deno.test("Ticket opens one connection within 30 s", async () => {
  const clock = new OffsetClock();
  const { app, admin } = await start({ clock });
  await using _ = app;
  const take = async () => (await (await admin.request("POST", "/api/v1/tickets")).json()).ticket;
  const query = `?ticket=${await take()}`;
  await using client = connect(app, { query, origin: app.url });
  await client.opened;
  assertEquals(await isRejected(connect(app, { query, origin: app.url })), true);
  const ticket = await take();
  await using stream = await EventStreamClient.connect(`${app.url}/api/v1/events?ticket=${ticket}`);
  assertEquals(stream.response.status, 200);
  const used = await fetch(`${app.url}/api/v1/events?ticket=${ticket}`);
  assertEquals([used.status, (await used.json()).code], [401, "unauthenticated"]);
  const late = await take();
  clock.advance(30_000);
  assertEquals((await fetchStatusAndCode(`${app.url}/api/v1/events?ticket=${late}`))[0], 401);
  // A ticket is only valid for connections.
  assertEquals((await fetchStatusAndCode(`${app.url}/runs?ticket=${await take()}`))[0], 401);
});

async function fetchStatusAndCode(url: string): Promise<unknown[]> {
  return await statusAndCode(fetch(url));
}

Deno.test("WebSocket with a session cookie requires the server's own origin", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const { cookie } = admin;
  await using own = connect(app, { cookie, origin: app.url });
  await own.opened;
  for (
    const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: app.url.replace("127.0.0.1", "localhost") },
      {},
    ]
  ) {
    const client = connect(app, { cookie, ...headers });
    assertEquals(await isRejected(client), true, JSON.stringify(headers));
  }
  assertEquals(await isRejected(connect(app, { origin: app.url })), true);
});

Deno.test("Connections close when their session or key ends", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const { key, id } = await createKey(admin);
  const nat = await app.signIn("nat");
  const byKey = connect(app, { authorization: `Bearer ${key}` });
  const bySession = connect(app, { cookie: nat.cookie, origin: app.url });
  await using stays = connect(app, { cookie: admin.cookie, origin: app.url });
  await Promise.all([byKey.opened, bySession.opened, stays.opened]);
  await using stream = await EventStreamClient.connect(`${app.url}/api/v1/events`, {
    cookie: nat.cookie,
  });
  await (await admin.request("DELETE", `/api/v1/keys/${id}`)).body?.cancel();
  const { id: natId } = app.world.users.get("nat");
  assertEquals((await admin.request("DELETE", `/api/v1/users/${natId}/sessions`)).status, 204);
  for (const client of [byKey, bySession]) {
    assertEquals((await withTimeout(client.closed, "the end of a connection")).code, 1008);
  }
  while (await stream.next() !== undefined) continue;
  assertEquals(stays.socket.readyState, WebSocket.OPEN);
  assertEquals(await statusAndCode(nat.get("/api/v1/me")), [401, "unauthenticated"]);
});

Deno.test("Role changes apply from the next request on", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const nat = await app.signIn("nat");
  const follow = () =>
    statusAndCode(nat.request("POST", "/repositories", { full_name: "octo/none" }));
  assertEquals(await follow(), [403, "forbidden"]);
  assertEquals(await statusAndCode(nat.get("/api/v1/users")), [403, "forbidden"]);
  const { items } = await (await admin.get("/api/v1/users")).json();
  const ids = new Map(items.map((user: { login: string; id: number }) => [user.login, user.id]));
  const path = `/api/v1/users/${ids.get("nat")}`;
  assertEquals(await statusAndCode(admin.request("PATCH", path, { role: "member" })), [
    200,
    undefined,
  ]);
  assertEquals(await follow(), [404, "repository_not_found"]);
  assertEquals(await statusAndCode(nat.request("PATCH", path, { role: "admin" })), [
    403,
    "forbidden",
  ]);
  assertEquals(
    (await statusAndCode(admin.request("PATCH", path, { role: "owner" })))[1],
    "invalid_body",
  );
  const own = `/api/v1/users/${ids.get("mona")}`;
  assertEquals(await statusAndCode(admin.request("PATCH", own, { role: "viewer" })), [
    409,
    "last_admin",
  ]);
  assertEquals(await statusAndCode(admin.request("PATCH", path, { role: "admin" })), [
    200,
    undefined,
  ]);
  assertEquals(await statusAndCode(admin.request("PATCH", own, { role: "viewer" })), [
    200,
    undefined,
  ]);
  assertEquals(await statusAndCode(admin.get("/api/v1/users")), [403, "forbidden"]);
  assertEquals(
    (await statusAndCode(nat.request("PATCH", "/api/v1/users/1", { role: "viewer" })))[0],
    404,
  );
});

Deno.test("Writes with a session cookie require the server's own origin", async () => {
  const { app, admin } = await start();
  await using _ = app;
  for (
    const headers of [{}, { origin: "https://evil.example" }, { "sec-fetch-site": "same-site" }]
  ) {
    const response = fetch(`${app.url}/api/v1/keys`, {
      method: "POST",
      headers: { "content-type": "application/json", cookie: admin.cookie, ...headers } as Record<
        string,
        string
      >,
      body: JSON.stringify({ name: "stolen", scopes: ["admin"] }),
    });
    assertEquals(await statusAndCode(response), [403, "origin_not_allowed"]);
  }
  assertEquals((await (await admin.get("/api/v1/keys")).json()).total_count, 0);
});

Deno.test("Member can only follow repositories that GitHub shows the member", async () => {
  const { app, admin } = await start();
  await using _ = app;
  const nat = await app.signIn("nat");
  await app.makeMember(admin, "nat");
  const secret = app.world.addRepository({ full_name: "octo/secret", private: true });
  const follow = async (full_name: string) => {
    const response = await nat.request("POST", "/repositories", { full_name });
    return { status: response.status, text: await response.text() };
  };
  const hidden = await follow("octo/secret");
  const none = await follow("octo/absent");
  assertEquals(hidden.status, 404);
  assertEquals(hidden.text, none.text.replace("octo/absent", "octo/secret"));
  app.world.users.grant("nat", "octo/secret");
  assertEquals((await follow("OCTO/Secret")).status, 201);
  await waitUntil(
    async () => (await statusAndCode(nat.get(`/repositories/${secret.id}`)))[0] === 200,
    "it is shown",
  );
});
