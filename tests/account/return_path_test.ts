import { assert } from "@std/assert";
import { isLocalPath } from "../../src/account/login.ts";

Deno.test("isOwnPath() takes paths of ours", () => {
  for (const path of ["/", "/runs?page=2", "/docs#top", "/a//b", "/?next=https://evil.example"]) {
    assert(isLocalPath(path), path);
  }
});

Deno.test("isOwnPath() refuses whatever could lead a browser elsewhere", () => {
  for (
    const path of [
      "",
      "runs",
      "//evil.example",
      "///evil.example",
      "/\\evil.example",
      "\\/evil.example",
      "/\t/evil.example",
      "/\n/evil.example",
      "\t//evil.example",
      " //evil.example",
      "/a\r\nSet-Cookie: x=y",
      "/a b",
      "/a\u0000",
      "https://evil.example/",
      "javascript:alert(1)",
      `/${"a".repeat(2_000)}`,
    ]
  ) assert(!isLocalPath(path), JSON.stringify(path));
});
