import { createRoute, z } from "@hono/zod-openapi";
import { assertEquals } from "@std/assert";
import { TokenRejectedError } from "../../src/account/oauth_provider.ts";
import { GitHubError } from "../../src/errors.ts";
import { jsonResponse, newApi } from "../../src/http/api.ts";
import { AUTHENTICATED, requires } from "../../src/http/security.ts";
import { AUTH_PROBLEMS, openApiProblems, WRITE_PROBLEMS } from "../../src/http/problem.ts";
import { runRoutes } from "../../src/http/routes/run.ts";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../fakes/stores/authenticator.ts";
import { RawRequest } from "../fakes/clients/raw_request.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";
import { type ServerSettings, ServerUnderTest } from "../fakes/apps/server.ts";

const Done = z.object({ done: z.boolean() });

/** A part with a route for each kind of demand; two of them say nothing. */
function createTestApi() {
  const api = newApi();
  const responses = { 200: jsonResponse(Done, "Done"), ...openApiProblems(...AUTH_PROBLEMS) };
  const read = createRoute({ method: "get", path: "/read", responses, ...requires("read") });
  const write = createRoute({
    method: "put",
    path: "/write",
    responses: { ...responses, ...openApiProblems(...WRITE_PROBLEMS) },
    ...requires("write"),
  });
  const authenticated = createRoute({ method: "get", path: "/known", responses, ...AUTHENTICATED });
  const undeclared = createRoute({ method: "get", path: "/silent", responses });
  for (const route of [read, write, authenticated, undeclared]) {
    api.openapi(route, (context) => context.json({ done: true }, 200));
  }
  api.get("/unknown/:id", (context) => context.json({ done: true }));
  return api;
}

async function start({ isOpen = false, ...settings }: ServerSettings & { isOpen?: boolean } = {}) {
  const callers = new FakeAuthenticator({ isOpen });
  const server = await new ServerUnderTest({ accounts: [createTestApi()], callers, ...settings })
    .start();
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await fetch(server.url + path, { method, headers });
    const { code } = await response.json();
    return { status: response.status, code, headers: response.headers };
  };
  return { callers, server, ask };
}

const KEY = { authorization: "Bearer rw_live_x" };
const COOKIE = { cookie: "runwire=token" };

for (const path of ["/runs", "/api/v1/runs", "/runs/1", "/api/v1/events", "/read", "/silent"]) {
  Deno.test(`GET ${path} answers 401 to whoever does not say who asks`, async () => {
    const data = [runRoutes({ history: new FakeRunHistory() })];
    const { server, ask } = await start({ data });
    await using _ = server;
    for (const headers of [{}, KEY, COOKIE, { authorization: "Basic eDp5" }]) {
      const { status, code } = await ask(path, headers);
      assertEquals([status, code], [401, "unauthenticated"]);
    }
    assertEquals((await ask(path)).headers.get("www-authenticate"), "Bearer");
  });
}

Deno.test("Guard takes what a request brings, each in its place", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  await ask("/read?ticket=t", { ...KEY, cookie: "other=1; runwire=token" });
  assertEquals(callers.requests.pop(), {
    key: "rw_live_x",
    ticket: undefined,
    session: "token",
  });
  await ask("/api/v1/events?ticket=t", { authorization: "bearer   spaced" });
  assertEquals(callers.requests.pop(), { key: "spaced", ticket: "t", session: undefined });
  await ask("/read", { cookie: "__Host-runwire=token; runwire=" });
  assertEquals(callers.requests.pop(), { key: undefined, ticket: undefined, session: undefined });
});

Deno.test("Guard over TLS takes the cookie that is for our host alone", async () => {
  const { callers, server, ask } = await start({ publicUrl: "https://ci.example.com" });
  await using _ = server;
  await ask("/read", { cookie: "runwire=planted; __Host-runwire=token" });
  assertEquals(callers.requests.pop()?.session, "token");
});

Deno.test("Guard asks for a key that is wrong also where anybody is let in", async () => {
  const { server, ask } = await start({ isOpen: true });
  await using _ = server;
  assertEquals((await ask("/silent")).status, 200);
  assertEquals((await ask("/read", KEY)).code, "unauthenticated");
});

Deno.test("Guard names the permission that a caller lacks", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  callers.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["read"]) }));
  assertEquals((await ask("/read", KEY)).status, 200);
  assertEquals((await ask("/known", KEY)).status, 200);
  const response = await fetch(`${server.url}/write`, { method: "PUT", headers: KEY });
  assertEquals(response.status, 403);
  const { code, detail } = await response.json();
  assertEquals([code, detail], ["forbidden", "Cannot PUT /write: it needs the permission write"]);
  callers.principals.set("rw_live_x", keyPrincipal({ permissions: new Set([]) }));
  assertEquals((await ask("/read", KEY)).code, "forbidden");
  assertEquals((await ask("/known", KEY)).status, 200);
});

Deno.test("Guard keeps a route that says nothing for admins", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  const raw = async (headers: Record<string, string>) => {
    using request = await RawRequest.get(server.port, "/unknown/1", headers);
    return (await request.readResponse()).status;
  };
  assertEquals(await raw({}), 401);
  const all = new Set(["read", "write", "tasks", "cast"] as const);
  callers.principals.set("rw_live_x", keyPrincipal({ permissions: all }));
  assertEquals((await ask("/silent", KEY)).code, "forbidden");
  assertEquals(await raw(KEY), 403);
  callers.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["admin"]) }));
  assertEquals((await ask("/silent", KEY)).status, 200);
  assertEquals(await raw(KEY), 200);
});

Deno.test("Guard lets a session write for our own pages alone", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  callers.principals.set("token", sessionPrincipal({ permissions: new Set(["read", "write"]) }));
  const write = (headers: Record<string, string>) =>
    ask("/write", { ...COOKIE, ...headers }, "PUT");
  assertEquals((await write({})).code, "origin_not_allowed");
  for (const site of ["cross-site", "same-site"]) {
    assertEquals((await write({ "sec-fetch-site": site })).code, "origin_not_allowed", site);
  }
  const foreign = { origin: "https://evil.example" };
  assertEquals((await write(foreign)).code, "origin_not_allowed");
  assertEquals((await write({ origin: "null" })).code, "origin_not_allowed");
  assertEquals(
    (await write({ ...foreign, "sec-fetch-site": "same-origin" })).code,
    "origin_not_allowed",
  );
  assertEquals((await write({ "sec-fetch-site": "same-origin" })).status, 200);
  assertEquals((await write({ origin: server.url })).status, 200);
  assertEquals((await ask("/read", COOKIE)).status, 200);
});

Deno.test("Guard lets a key write without a page, but for no foreign one", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  callers.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["write"]) }));
  assertEquals((await ask("/write", KEY, "PUT")).status, 200);
  const foreign = { ...KEY, origin: "https://evil.example" };
  assertEquals((await ask("/write", foreign, "PUT")).code, "origin_not_allowed");
});

Deno.test("Throttle counts for each account, and for an address where there is none", async () => {
  const acquired: string[] = [];
  const { callers, server, ask } = await start({
    throttle: {
      limit: { perSecond: 1, burst: 2 },
      limiter: {
        consume: (caller) => {
          acquired.push(caller);
          return Promise.resolve({ isAllowed: true, remaining: 1, retryAfterMs: 0, resetMs: 0 });
        },
      },
    },
  });
  await using _ = server;
  callers.principals.set("rw_live_x", keyPrincipal({ id: "key 3" }));
  callers.principals.set("token", sessionPrincipal({ id: "user 7" }));
  await ask("/read", KEY);
  await ask("/read", COOKIE);
  await ask("/read", { authorization: "Bearer guessed" });
  await ask("/health");
  assertEquals(acquired, ["key 3", "user 7", "127.0.0.1"]);
});

Deno.test("GET /runs says what to do when it cannot be told what a caller may see", async () => {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  const { callers, server, ask } = await start({ data });
  await using _ = server;
  const failWith = (error: Error) =>
    callers.principals.set("token", sessionPrincipal({ visibility: () => Promise.reject(error) }));
  for (const path of ["/runs", "/api/v1/events"]) {
    failWith(new GitHubError({ kind: "unavailable" }, "it is away"));
    const response = await ask(path, COOKIE);
    assertEquals([response.status, response.code], [503, "github_unavailable"]);
    assertEquals(response.headers.get("retry-after"), "60");
    failWith(new GitHubError({ kind: "rate_limited", retryAt: Date.now() + 90_000 }, "too many"));
    const limited = await ask(path, COOKIE);
    assertEquals([limited.status, limited.code], [503, "github_rate_limited"]);
    assertEquals(Math.abs(Number(limited.headers.get("retry-after")) - 90) < 5, true);
    failWith(new TokenRejectedError("revoked"));
    assertEquals((await ask(path, COOKIE)).code, "unauthenticated");
  }
});

Deno.test("Guard answers 503 when GitHub cannot say whether a user may stay", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  callers.authenticate = () =>
    Promise.reject(new GitHubError({ kind: "unavailable" }, "it is away"));
  for (const path of ["/read", "/known", "/api/v1/events"]) {
    assertEquals((await ask(path, COOKIE)).code, "github_unavailable");
  }
});

Deno.test("Guard asks nothing of those who ask for what there is not, or by a wrong method", async () => {
  const { callers, server, ask } = await start();
  await using _ = server;
  assertEquals((await ask("/nowhere")).code, "not_found");
  assertEquals((await ask("/read", {}, "DELETE")).code, "method_not_allowed");
  for (const path of ["/health", "/livez", "/openapi.json"]) {
    assertEquals((await ask(path)).status, 200);
  }
  assertEquals(callers.requests, []);
});
