import { assert, assertEquals } from "@std/assert";
import { generateApiKeySecret, toKeyPrefix } from "../src/account/api_key.ts";
import { generateToken, systemRandomBytes } from "../src/account/crypto.ts";
import { createRedactor } from "../src/redact.ts";

Deno.test("createRedactor() redacts the given secrets in every encoding", () => {
  const pem = 'a "key"\nof two lines';
  const redact = createRedactor(["hunter22", "hunter22-and-more", "p@ss/word", pem, "abc"]);
  assertEquals(redact("hunter22-and-more, then hunter22"), "[redacted], then [redacted]");
  assertEquals(redact("p@ss/word or p%40ss%2Fword"), "[redacted] or [redacted]");
  assertEquals(redact(JSON.stringify({ pem })), '{"pem":"[redacted]"}');
  assertEquals(redact("abc is a word"), "abc is a word");
});

Deno.test("createRedactor() redacts anything that looks like a secret", () => {
  const redact = createRedactor([]);
  for (
    const [text, expected] of [
      ["Authorization: Bearer abcdefgh.x", "Authorization: Bearer [redacted]"],
      ["basic dXNlcjpwYXNz", "basic [redacted]"],
      ["postgres://me:pass@db/x", "postgres://[redacted]@db/x"],
      ["https://token@github.com/octo", "https://[redacted]@github.com/octo"],
      ["postgres://USER:PASSWORD@HOST/DATABASE", "postgres://USER:PASSWORD@HOST/DATABASE"],
      ["gho_16C7e42F292c6912E7710c838347Ae178B4a!", "gho_[redacted]!"],
      ["github_pat_11AAAA_bbbb", "github_pat_[redacted]"],
      ["eyJhbGciOi.eyJpc3MiOi.c2ln now", "[redacted] now"],
      [
        "Cookie: __Host-runwire=abc; runwire-login=d.e",
        "Cookie: __Host-runwire=[redacted]; runwire-login=[redacted]",
      ],
      ["/login/callback?code=abc&state=def", "/login/callback?code=[redacted]&state=[redacted]"],
      ["/ws?ticket=abc&view=full", "/ws?ticket=[redacted]&view=full"],
      [
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.",
        "[redacted].",
      ],
    ] as const
  ) {
    assertEquals(redact(text), expected);
    // Escaped in JSON.
    assert(!redact(JSON.stringify(text)).includes("abc"), text);
  }
});

Deno.test("createRedactor() redacts Runwire's tokens and keys anywhere", () => {
  const redact = createRedactor([]);
  for (let round = 0; round < 200; round++) {
    const token = generateToken(systemRandomBytes);
    const key = generateApiKeySecret(systemRandomBytes);
    const text = redact(`{"a":"${token}","b":"${key}"}`);
    assert(!text.includes(token) && !text.includes(key.slice(-20)), text);
  }
});

Deno.test("createRedactor() leaves other text unchanged", () => {
  const redact = createRedactor([]);
  const hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  for (
    const text of [
      "Listening on http://127.0.0.1:8080, clients connect to /ws",
      `Session ${hash}, delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958`,
      `Key ${toKeyPrefix(generateApiKeySecret(systemRandomBytes))} was revoked`,
      "a-repository-with-a-name-of-fourty-three-ch",
      "octo@example.com: state of the code: basic",
    ]
  ) assertEquals(redact(text), text);
});
