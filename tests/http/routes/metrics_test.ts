import { assert, assertEquals } from "@std/assert";
import {
  FakeAuthenticator,
  keyPrincipal,
  sessionPrincipal,
} from "../../fakes/stores/authenticator.ts";
import { RawRequest } from "../../fakes/clients/raw_request.ts";
import { ServerUnderTest } from "../../fakes/apps/server.ts";

const METRICS = { contentType: "text/plain; version=0.0.4; charset=utf-8", text: renderText };

function renderText(): Promise<string> {
  return Promise.resolve("runwire_connections 1\n");
}

Deno.test("GET /metrics answers everyone if sign-in is not configured", async () => {
  await using server = await new ServerUnderTest({ metrics: METRICS }).start();
  const response = await fetch(`${server.url}/metrics`, {
    headers: { "x-forwarded-for": "192.0.2.1" },
  });
  assertEquals(await response.text(), "runwire_connections 1\n");
  assertEquals(response.headers.get("content-type"), METRICS.contentType);
});

Deno.test("GET /metrics with sign-in answers local programs, except for requests from proxies", async () => {
  const authenticator = new FakeAuthenticator({ isOpen: false });
  await using server = await new ServerUnderTest({ metrics: METRICS, authenticator }).start();
  const request = async (headers: Record<string, string>) => {
    using request = await RawRequest.get(server.port, "/metrics", headers);
    return (await request.readResponse()).status;
  };
  assertEquals(await request({}), 200);
  for (const name of ["X-Forwarded-For", "X-Real-IP"]) {
    assertEquals(await request({ [name]: "127.0.0.1" }), 401, name);
  }
  assertEquals(await request({ Forwarded: "for=192.0.2.1" }), 401);
  assertEquals(await request({ Via: "1.1 nginx" }), 401);
  const proxied = { "X-Forwarded-For": "192.0.2.1" };
  authenticator.principals.set("rw_live_x", keyPrincipal({ permissions: new Set() }));
  authenticator.principals.set("token", sessionPrincipal({ permissions: new Set(["read"]) }));
  assertEquals(await request({ ...proxied, Authorization: "Bearer rw_live_x" }), 200);
  assertEquals(await request({ ...proxied, Cookie: "runwire=token" }), 200);
  assertEquals(await request({ ...proxied, Authorization: "Bearer rw_live_y" }), 401);
});

Deno.test("Requests are counted by route, whatever paths and methods clients send", async () => {
  await using server = await new ServerUnderTest({ metrics: METRICS }).start();
  const request = async (path: string, method = "GET") => {
    const response = await fetch(server.url + path, { method });
    await response.body?.cancel();
  };
  for (let i = 0; i < 20; i++) await request(`/made/up/${i}`);
  await request("/livez?x=1");
  await request("/livez", "HEAD");
  await request("/livez", "POST");
  await request("/livez", "BREW");
  const counts = [...server.requests.counts].filter(({ route }) => route !== "/openapi.json");
  assertEquals(
    counts.map(({ method, route, status, count }) => `${method} ${route} ${status} ${count}`),
    [
      "GET none 404 20",
      "GET /livez 200 1",
      "HEAD /livez 200 1",
      "POST none 405 1",
      "other none 405 1",
    ],
  );
  const latency = server.requests.latencies.get("/livez");
  assert(latency && latency.sum > 0);
  assertEquals(latency.counts.reduce((a, b) => a + b), 2);
});
