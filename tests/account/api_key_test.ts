import { assert, assertEquals, assertMatch } from "@std/assert";
import { generateApiKeySecret, isApiKeySecret, toKeyPrefix } from "../../src/account/api_key.ts";
import { systemRandomBytes } from "../../src/account/crypto.ts";

const ZEROS = () => new Uint8Array(32);
const ONES = () => new Uint8Array(32).fill(255);

Deno.test("generateApiKeySecret() encodes 256 bits and a checksum in 57 characters", () => {
  // Computed by another program, with zlib's CRC-32.
  assertEquals(
    generateApiKeySecret(ZEROS),
    "rw_live_00000000000000000000000000000000000000000000tp0C2",
  );
  assertEquals(
    generateApiKeySecret(ONES),
    "rw_live_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp12paMKo",
  );
  const secrets = new Set<string>();
  for (let round = 0; round < 100; round++) {
    const secret = generateApiKeySecret(systemRandomBytes);
    assertMatch(secret, /^rw_live_[0-9A-Za-z]{49}$/);
    assert(isApiKeySecret(secret), secret);
    secrets.add(secret);
  }
  assertEquals(secrets.size, 100);
});

Deno.test("isApiKeySecret() detects every mistyped character", () => {
  const secret = generateApiKeySecret(systemRandomBytes);
  for (let at = 0; at < secret.length; at++) {
    const typed = secret[at] === "a" ? "b" : "a";
    const wrong = secret.slice(0, at) + typed + secret.slice(at + 1);
    assert(!isApiKeySecret(wrong), wrong);
  }
});

Deno.test("isApiKeySecret() rejects other formats", () => {
  const secret = generateApiKeySecret(systemRandomBytes);
  for (
    const text of ["", "rw_live_", secret.slice(1), `${secret}0`, ` ${secret}`, `${secret}\n`]
  ) assert(!isApiKeySecret(text), text);
});

Deno.test("toKeyPrefix() shows four characters of the secret", () => {
  assertEquals(toKeyPrefix(generateApiKeySecret(ZEROS)), "rw_live_0000");
});
