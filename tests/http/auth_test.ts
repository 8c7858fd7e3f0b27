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

/** An API with a route for each kind of access policy; two routes declare none. */
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
  const known = createRoute({ method: "get", path: "/known", responses, ...AUTHENTICATED });
  const undeclared = createRoute({ method: "get", path: "/undeclared", responses });
  for (const route of [read, write, known, undeclared]) {
    api.openapi(route, (context) => context.json({ done: true }, 200));
  }
  api.get("/unknown/:id", (context) => context.json({ done: true }));
  return api;
}

async function start({ isOpen = false, ...settings }: ServerSettings & { isOpen?: boolean } = {}) {
  const authenticator = new FakeAuthenticator({ isOpen });
  const server = await new ServerUnderTest({
    accounts: [createTestApi()],
    authenticator,
    ...settings,
  })
    .start();
  const request = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await fetch(server.url + path, { method, headers });
    const { code } = await response.json();
    return { status: response.status, code, headers: response.headers };
  };
  return { authenticator, server, request };
}

const KEY = { authorization: "Bearer rw_live_x" };
const COOKIE = { cookie: "runwire=token" };

for (const path of ["/runs", "/api/v1/runs", "/runs/1", "/api/v1/events", "/read", "/undeclared"]) {
  Deno.test(`GET ${path} responds with 401 to requests without valid credentials`, async () => {
    const data = [runRoutes({ history: new FakeRunHistory() })];
    const { server, request } = await start({ data });
    await using _ = server;
    for (const headers of [{}, KEY, COOKIE, { authorization: "Basic eDp5" }]) {
      const { status, code } = await request(path, headers);
      assertEquals([status, code], [401, "unauthenticated"]);
    }
    assertEquals((await request(path)).headers.get("www-authenticate"), "Bearer");
  });
}

Deno.test("authenticate() reads each kind of credentials from its place", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  await request("/read?ticket=t", { ...KEY, cookie: "other=1; runwire=token" });
  assertEquals(authenticator.requests.pop(), {
    key: "rw_live_x",
    ticket: undefined,
    session: "token",
  });
  await request("/api/v1/events?ticket=t", { authorization: "bearer   spaced" });
  assertEquals(authenticator.requests.pop(), { key: "spaced", ticket: "t", session: undefined });
  await request("/read", { cookie: "__Host-runwire=token; runwire=" });
  assertEquals(authenticator.requests.pop(), {
    key: undefined,
    ticket: undefined,
    session: undefined,
  });
});

Deno.test("authenticate() reads only the __Host- cookie over TLS", async () => {
  const { authenticator, server, request } = await start({ publicUrl: "https://ci.example.com" });
  await using _ = server;
  await request("/read", { cookie: "runwire=planted; __Host-runwire=token" });
  assertEquals(authenticator.requests.pop()?.session, "token");
});

Deno.test("authenticate() rejects an invalid key even if access is open", async () => {
  const { server, request } = await start({ isOpen: true });
  await using _ = server;
  assertEquals((await request("/undeclared")).status, 200);
  assertEquals((await request("/read", KEY)).code, "unauthenticated");
});

Deno.test("authorize() names the missing permission", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["read"]) }));
  assertEquals((await request("/read", KEY)).status, 200);
  assertEquals((await request("/known", KEY)).status, 200);
  const response = await fetch(`${server.url}/write`, { method: "PUT", headers: KEY });
  assertEquals(response.status, 403);
  const { code, detail } = await response.json();
  assertEquals([code, detail], ["forbidden", 'Permission "write" is required to PUT /write']);
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set([]) }));
  assertEquals((await request("/read", KEY)).code, "forbidden");
  assertEquals((await request("/known", KEY)).status, 200);
});

Deno.test("authorize() requires admin for routes without a policy", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  const getUnknown = async (headers: Record<string, string>) => {
    using raw = await RawRequest.get(server.port, "/unknown/1", headers);
    return (await raw.readResponse()).status;
  };
  assertEquals(await getUnknown({}), 401);
  const all = new Set(["read", "write", "tasks", "cast"] as const);
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: all }));
  assertEquals((await request("/undeclared", KEY)).code, "forbidden");
  assertEquals(await getUnknown(KEY), 403);
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["admin"]) }));
  assertEquals((await request("/undeclared", KEY)).status, 200);
  assertEquals(await getUnknown(KEY), 200);
});

Deno.test("authorize() accepts writes of a session only from own pages", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  authenticator.principals.set(
    "token",
    sessionPrincipal({ permissions: new Set(["read", "write"]) }),
  );
  const write = (headers: Record<string, string>) =>
    request("/write", { ...COOKIE, ...headers }, "PUT");
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
  assertEquals((await request("/read", COOKIE)).status, 200);
});

Deno.test("authorize() accepts writes of a key without Origin, but not from foreign pages", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set(["write"]) }));
  assertEquals((await request("/write", KEY, "PUT")).status, 200);
  const foreign = { ...KEY, origin: "https://evil.example" };
  assertEquals((await request("/write", foreign, "PUT")).code, "origin_not_allowed");
});

Deno.test("rateLimit() counts per account, and per address for other callers", async () => {
  const counted: string[] = [];
  const { authenticator, server, request } = await start({
    rateLimit: {
      limit: { perSecond: 1, burst: 2 },
      limiter: {
        consume: (client) => {
          counted.push(client);
          return Promise.resolve({ isAllowed: true, remaining: 1, retryAfterMs: 0, resetMs: 0 });
        },
      },
    },
  });
  await using _ = server;
  authenticator.principals.set("rw_live_x", keyPrincipal({ id: "key 3" }));
  authenticator.principals.set("token", sessionPrincipal({ id: "user 7" }));
  await request("/read", KEY);
  await request("/read", COOKIE);
  await request("/read", { authorization: "Bearer guessed" });
  await request("/health");
  assertEquals(counted, ["key 3", "user 7", "127.0.0.1"]);
});

Deno.test("GET /runs and /api/v1/events report that a caller's visibility is unavailable", async () => {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  const { authenticator, server, request } = await start({ data });
  await using _ = server;
  const failWith = (error: Error) =>
    authenticator.principals.set(
      "token",
      sessionPrincipal({ visibility: () => Promise.reject(error) }),
    );
  for (const path of ["/runs", "/api/v1/events"]) {
    failWith(new GitHubError({ kind: "unavailable" }, "unavailable"));
    const response = await request(path, COOKIE);
    assertEquals([response.status, response.code], [503, "github_unavailable"]);
    assertEquals(response.headers.get("retry-after"), "60");
    failWith(new GitHubError({ kind: "rate_limited", retryAt: Date.now() + 90_000 }, "too many"));
    const limited = await request(path, COOKIE);
    assertEquals([limited.status, limited.code], [503, "github_rate_limited"]);
    assertEquals(Math.abs(Number(limited.headers.get("retry-after")) - 90) < 5, true);
    failWith(new TokenRejectedError("revoked"));
    assertEquals((await request(path, COOKIE)).code, "unauthenticated");
  }
});

Deno.test("authenticate() responds with 503 if GitHub is unavailable", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  authenticator.authenticate = () =>
    Promise.reject(new GitHubError({ kind: "unavailable" }, "unavailable"));
  for (const path of ["/read", "/known", "/api/v1/events"]) {
    assertEquals((await request(path, COOKIE)).code, "github_unavailable");
  }
});

Deno.test("authenticate() is skipped for unknown routes, wrong methods and public routes", async () => {
  const { authenticator, server, request } = await start();
  await using _ = server;
  assertEquals((await request("/nowhere")).code, "not_found");
  assertEquals((await request("/read", {}, "DELETE")).code, "method_not_allowed");
  for (const path of ["/health", "/livez", "/openapi.json"]) {
    assertEquals((await request(path)).status, 200);
  }
  assertEquals(authenticator.requests, []);
});
