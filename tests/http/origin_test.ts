import { assertEquals } from "@std/assert";
import { isConnectAllowed, isReadAllowed, toOriginPolicy } from "../../src/http/origin.ts";

function allows(
  rule: Parameters<typeof toOriginPolicy>[0],
  headers: Record<string, string>,
): boolean {
  return isConnectAllowed(new Headers(headers), toOriginPolicy(rule));
}

Deno.test("mayConnect() lets programs in, which send no Origin", () => {
  assertEquals(
    allows({ allowed: ["https://a.example"], publicUrl: undefined, isLoopback: true }, {
      host: "anything",
    }),
    true,
  );
});

Deno.test("mayConnect() lets pages of our own host in", () => {
  const rule = { allowed: [], publicUrl: undefined, isLoopback: false };
  const host = "ci.example.com:8080";
  assertEquals(allows(rule, { host, origin: `http://${host}` }), true);
  assertEquals(allows(rule, { host: host.toUpperCase(), origin: `http://${host}` }), true);
  assertEquals(allows(rule, { host, origin: "http://ci.example.com" }), false);
  assertEquals(allows(rule, { host, origin: "not a URL" }), false);
});

Deno.test("mayConnect() behind a proxy on a loopback address goes by the public URL", () => {
  const headers = { host: "ci.example.com", origin: "https://ci.example.com" };
  const loopback = { allowed: [], isLoopback: true };
  assertEquals(allows({ ...loopback, publicUrl: undefined }, headers), false);
  assertEquals(allows({ ...loopback, publicUrl: "https://ci.example.com/runs" }, headers), true);
});

Deno.test("mayConnect() goes by ALLOWED_ORIGINS alone where they are named", () => {
  const rule = { allowed: ["https://a.example"], publicUrl: undefined, isLoopback: false };
  assertEquals(allows(rule, { host: "b.example", origin: "https://a.example" }), true);
  assertEquals(allows(rule, { host: "b.example", origin: "https://b.example" }), false);
  assertEquals(allows(rule, { host: "b.example", origin: "https://a.example.evil" }), false);
});

Deno.test("mayRead() on a loopback address keeps out hosts that were made to point at it", () => {
  const rule = toOriginPolicy({
    allowed: ["https://ci.example.com"],
    publicUrl: "https://runs.example.com",
    isLoopback: true,
  });
  const mayReadAt = (host: string) => isReadAllowed(new Headers({ host }), rule);
  for (const host of ["127.0.0.1:8080", "LOCALHOST:8080", "[::1]:8080", "localhost"]) {
    assertEquals(mayReadAt(host), true, host);
  }
  assertEquals(mayReadAt("ci.example.com"), true);
  assertEquals(mayReadAt("runs.example.com"), true);
  for (const host of ["rebound.example:8080", "127.0.0.1.rebound.example", "", "a b"]) {
    assertEquals(mayReadAt(host), false, host);
  }
});

Deno.test("mayRead() beyond loopback lets programs and our own pages in", () => {
  const rule = toOriginPolicy({ allowed: [], publicUrl: undefined, isLoopback: false });
  assertEquals(isReadAllowed(new Headers({ host: "ci.example.com" }), rule), true);
  assertEquals(isReadAllowed(new Headers(), rule), true);
  const foreign = { host: "ci.example.com", origin: "https://evil.example" };
  assertEquals(isReadAllowed(new Headers(foreign), rule), false);
});
