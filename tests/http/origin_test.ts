import { assertEquals } from "@std/assert";
import { mayConnect, originRule } from "../../src/http/origin.ts";

function allows(rule: Parameters<typeof originRule>[0], headers: Record<string, string>): boolean {
  return mayConnect(new Headers(headers), originRule(rule));
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
