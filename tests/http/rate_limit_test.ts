import { assertEquals } from "@std/assert";
import { clientAddress } from "../../src/http/rate_limit.ts";

function client(forwarded: string | undefined, { remote = "10.0.0.1", isProxied = true } = {}) {
  const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
  return clientAddress(headers, { remote, isProxied });
}

Deno.test("clientAddress() returns the connection's address without a proxy", () => {
  assertEquals(client("203.0.113.7", { isProxied: false }), "10.0.0.1");
});

Deno.test("clientAddress() uses only the last entry, which the proxy has written", () => {
  assertEquals(client("198.51.100.1, 203.0.113.7"), "203.0.113.7");
  assertEquals(client(undefined), "10.0.0.1");
  assertEquals(client(""), "10.0.0.1");
});

Deno.test("clientAddress() ignores entries that are not addresses", () => {
  for (const entry of ["unknown", "_hidden", "a\tb", "203.0.113.7:80", "[::1]", "x".repeat(500)]) {
    assertEquals(client(entry), "10.0.0.1", entry);
  }
});

Deno.test("clientAddress() returns the /64 network of an IPv6 address", () => {
  assertEquals(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assertEquals(client("2001:DB8:1:2::99"), "2001:db8:1:2::/64");
  assertEquals(client("2001:db8::1"), "2001:db8:0:0::/64");
  assertEquals(client("::1"), "0:0:0:0::/64");
  assertEquals(client(undefined, { remote: "fe80::1" }), "fe80:0:0:0::/64");
});
