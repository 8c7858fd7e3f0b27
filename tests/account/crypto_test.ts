import { assertEquals, assertNotEquals } from "@std/assert";
import { AesCipher, deriveKey } from "../../src/account/crypto.ts";
import { TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";

const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;

Deno.test("AesCipher decrypts its own text, also after a restart", async () => {
  const encrypted = await new AesCipher(TEST_SESSION_SECRET).encrypt("gho_ü", "user 7");
  assertEquals(await new AesCipher(TEST_SESSION_SECRET).decrypt(encrypted, "user 7"), "gho_ü");
});

Deno.test("AesCipher encrypts the same text differently each time", async () => {
  const cipher = new AesCipher(TEST_SESSION_SECRET);
  assertNotEquals(await cipher.encrypt("a", "user 7"), await cipher.encrypt("a", "user 7"));
});

Deno.test("AesCipher does not decrypt with another secret or context", async () => {
  const encrypted = await new AesCipher(TEST_SESSION_SECRET).encrypt("gho_x", "user 7");
  assertEquals(await new AesCipher(TEST_SESSION_SECRET).decrypt(encrypted, "user 8"), undefined);
  assertEquals(
    await new AesCipher(`${TEST_SESSION_SECRET}!`).decrypt(encrypted, "user 7"),
    undefined,
  );
});

Deno.test("AesCipher does not decrypt text with a changed bit or a missing byte", async () => {
  const cipher = new AesCipher(TEST_SESSION_SECRET);
  const bytes = Uint8Array.fromBase64(await cipher.encrypt("gho_x", "user 7"), {
    alphabet: "base64url",
  });
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.with(at, (bytes[at] ?? 0) ^ 1).toBase64(BASE64URL);
    assertEquals(await cipher.decrypt(changed, "user 7"), undefined, `byte ${at}`);
  }
  for (const text of ["", "AAAA", "!", bytes.slice(1).toBase64(BASE64URL)]) {
    assertEquals(await cipher.decrypt(text, "user 7"), undefined, text);
  }
});

Deno.test("deriveKey() derives a different, non-extractable key per purpose", async () => {
  const sign = async (info: string) => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await deriveKey(TEST_SESSION_SECRET, { info, algorithm, usages: ["sign"] });
    assertEquals(key.extractable, false);
    const signature = await crypto.subtle.sign("HMAC", key, new Uint8Array());
    return new Uint8Array(signature).toHex();
  };
  assertEquals(await sign("one"), await sign("one"));
  assertNotEquals(await sign("one"), await sign("another"));
});
