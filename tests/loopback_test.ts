import { assert } from "@std/assert";
import { isLoopback } from "../src/loopback.ts";

Deno.test("isLoopback() accepts addresses reachable only from this machine", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"]) {
    assert(isLoopback(host), host);
  }
  for (const host of ["0.0.0.0", "128.0.0.1", "127.0.0.1.example", "::", "1270.0.0.1"]) {
    assert(!isLoopback(host), host);
  }
});
