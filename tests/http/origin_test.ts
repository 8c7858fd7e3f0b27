import { assertEquals } from "@std/assert";
import { isConnectAllowed, isReadAllowed, toOriginPolicy } from "../../src/http/origin.ts";
import { runRoutes } from "../../src/http/routes/run.ts";
import { ServerUnderTest } from "../fakes/apps/server.ts";
import { RawRequest } from "../fakes/clients/raw_request.ts";
import { FakeAuthenticator, sessionPrincipal } from "../fakes/stores/authenticator.ts";
import { FakeRunHistory } from "../fakes/stores/run_history.ts";

const PAGE = "https://ci.example";
const ORIGINS = { allowed: [PAGE], hosts: ["127.0.0.1"] };

async function start(origins = ORIGINS) {
  const data = [runRoutes({ history: new FakeRunHistory() })];
  return await new ServerUnderTest({ data, origins }).start();
}

function isAllowed(
  options: Parameters<typeof toOriginPolicy>[0],
  headers: Record<string, string>,
): boolean {
  return isConnectAllowed(new Headers(headers), toOriginPolicy(options));
}

Deno.test("isConnectAllowed() allows programs, which send no Origin", () => {
  assertEquals(
    isAllowed({ allowed: ["https://a.example"], publicUrl: undefined, isLoopback: true }, {
      host: "anything",
    }),
    true,
  );
});

Deno.test("isConnectAllowed() allows pages of the server's own host", () => {
  const options = { allowed: [], publicUrl: undefined, isLoopback: false };
  const host = "ci.example.com:8080";
  assertEquals(isAllowed(options, { host, origin: `http://${host}` }), true);
  assertEquals(isAllowed(options, { host: host.toUpperCase(), origin: `http://${host}` }), true);
  assertEquals(isAllowed(options, { host, origin: "http://ci.example.com" }), false);
  assertEquals(isAllowed(options, { host, origin: "not a URL" }), false);
});

Deno.test("isConnectAllowed() uses the public URL behind a proxy on a loopback address", () => {
  const headers = { host: "ci.example.com", origin: "https://ci.example.com" };
  const loopback = { allowed: [], isLoopback: true };
  assertEquals(isAllowed({ ...loopback, publicUrl: undefined }, headers), false);
  assertEquals(isAllowed({ ...loopback, publicUrl: "https://ci.example.com/runs" }, headers), true);
});

Deno.test("isConnectAllowed() allows only ALLOWED_ORIGINS if they are set", () => {
  const options = { allowed: ["https://a.example"], publicUrl: undefined, isLoopback: false };
  assertEquals(isAllowed(options, { host: "b.example", origin: "https://a.example" }), true);
  assertEquals(isAllowed(options, { host: "b.example", origin: "https://b.example" }), false);
  assertEquals(isAllowed(options, { host: "b.example", origin: "https://a.example.evil" }), false);
});

Deno.test("isReadAllowed() rejects foreign host names on a loopback address", () => {
  const policy = toOriginPolicy({
    allowed: ["https://ci.example.com"],
    publicUrl: "https://runs.example.com",
    isLoopback: true,
  });
  const isAllowedAt = (host: string) => isReadAllowed(new Headers({ host }), policy);
  for (const host of ["127.0.0.1:8080", "LOCALHOST:8080", "[::1]:8080", "localhost"]) {
    assertEquals(isAllowedAt(host), true, host);
  }
  assertEquals(isAllowedAt("ci.example.com"), true);
  assertEquals(isAllowedAt("runs.example.com"), true);
  for (const host of ["rebound.example:8080", "127.0.0.1.rebound.example", "", "a b"]) {
    assertEquals(isAllowedAt(host), false, host);
  }
});

Deno.test("isReadAllowed() allows programs and own pages on other addresses", () => {
  const policy = toOriginPolicy({ allowed: [], publicUrl: undefined, isLoopback: false });
  assertEquals(isReadAllowed(new Headers({ host: "ci.example.com" }), policy), true);
  assertEquals(isReadAllowed(new Headers(), policy), true);
  const foreign = { host: "ci.example.com", origin: "https://evil.example" };
  assertEquals(isReadAllowed(new Headers(foreign), policy), false);
});

for (const path of ["/runs", "/api/v1/runs/1"]) {
  Deno.test(`GET ${path} rejects a host name that points to this machine (DNS rebinding)`, async () => {
    await using server = await start();
    using request = await RawRequest.get(server.port, path, { Host: "rebound.example" });
    const { status, body } = await request.readResponse();
    assertEquals([status, JSON.parse(body).code], [403, "origin_not_allowed"]);
  });

  Deno.test(`GET ${path} rejects pages of foreign origins`, async () => {
    await using server = await start();
    const response = await fetch(server.url + path, {
      headers: { origin: "https://evil.example" },
    });
    assertEquals((await response.json()).code, "origin_not_allowed");
    assertEquals(response.headers.get("access-control-allow-origin"), null);
  });
}

Deno.test("GET /runs lets a page of an allowed origin read, including 304 responses", async () => {
  await using server = await start();
  const headers = { origin: PAGE };
  const response = await fetch(`${server.url}/runs`, { headers });
  await response.body?.cancel();
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
  assertEquals(response.headers.get("vary"), "Cookie, Authorization, Origin");
  assertEquals(response.headers.get("access-control-expose-headers")?.includes("Link"), true);
  const tag = response.headers.get("etag") ?? "";
  const same = await fetch(`${server.url}/runs`, { headers: { ...headers, "If-None-Match": tag } });
  assertEquals([same.status, same.headers.get("access-control-allow-origin")], [304, PAGE]);
});

Deno.test("GET /runs lets an allowed page read problems", async () => {
  await using server = await start();
  const response = await fetch(`${server.url}/runs?page=x`, { headers: { origin: PAGE } });
  assertEquals((await response.json()).code, "invalid_parameter");
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
});

Deno.test("A preflight gets no permission, even from an allowed origin", async () => {
  await using server = await start();
  const response = await fetch(`${server.url}/runs`, {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-method": "POST" },
  });
  await response.body?.cancel();
  assertEquals(response.status, 405);
  assertEquals(response.headers.get("access-control-allow-methods"), null);
});

Deno.test("/ws rejects a session cookie without Origin, which browsers always send", async () => {
  const authenticator = new FakeAuthenticator({ isOpen: false });
  authenticator.principals.set("token", sessionPrincipal());
  await using server = await new ServerUnderTest({ authenticator }).start();
  const upgrade = async (headers: Record<string, string>) => {
    using request = await RawRequest.get(server.port, "/ws", {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      Cookie: "runwire=token",
      ...headers,
    });
    const { status, body } = await request.readResponse();
    return status === 101 ? status : JSON.parse(body).code;
  };
  assertEquals(await upgrade({}), "origin_not_allowed");
  assertEquals(await upgrade({ "Sec-Fetch-Site": "same-origin" }), "origin_not_allowed");
  assertEquals(await upgrade({ Origin: "https://evil.example" }), "origin_not_allowed");
  assertEquals(await upgrade({ Origin: server.url }), 101);
});

for (const path of ["/ws", "/api/v1/events"]) {
  Deno.test(`GET ${path} rejects foreign pages before authentication`, async () => {
    const authenticator = new FakeAuthenticator({ isOpen: false });
    await using server = await new ServerUnderTest({ authenticator }).start();
    const response = await fetch(server.url + path, {
      headers: { origin: "https://evil.example" },
    });
    assertEquals((await response.json()).code, "origin_not_allowed");
    assertEquals(authenticator.requests, []);
  });
}
