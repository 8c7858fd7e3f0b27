import { assertEquals } from "@std/assert";
import { callerAddress } from "../../src/http/address.ts";

function caller(forwarded: string | undefined, { remote = "10.0.0.1", isProxied = true } = {}) {
  const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
  return callerAddress(headers, { remote, isProxied });
}

Deno.test("callerAddress takes the connection's address where there is no proxy", () => {
  assertEquals(caller("203.0.113.7", { isProxied: false }), "10.0.0.1");
});

Deno.test("callerAddress believes the last entry alone, which our proxy has made", () => {
  assertEquals(caller("198.51.100.1, 203.0.113.7"), "203.0.113.7");
  assertEquals(caller(undefined), "10.0.0.1");
  assertEquals(caller(""), "10.0.0.1");
});

Deno.test("callerAddress does not take what is no address", () => {
  for (const entry of ["unknown", "_hidden", "a\tb", "203.0.113.7:80", "[::1]", "x".repeat(500)]) {
    assertEquals(caller(entry), "10.0.0.1", entry);
  }
});

Deno.test("callerAddress counts an IPv6 network of 64 bits as one caller", () => {
  assertEquals(caller("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assertEquals(caller("2001:DB8:1:2::99"), "2001:db8:1:2::/64");
  assertEquals(caller("2001:db8::1"), "2001:db8:0:0::/64");
  assertEquals(caller("::1"), "0:0:0:0::/64");
  assertEquals(caller(undefined, { remote: "fe80::1" }), "fe80:0:0:0::/64");
});
