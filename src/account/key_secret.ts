import { crc32 } from "node:zlib";
import type { RandomBytes } from "./secret.ts";

/** By this scanners of leaked secrets know ours. */
const PREFIX = "rw_live_";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = 62n;
const RANDOM_BYTES = 32;
/** As many digits as 256 bits take, and 32. */
const RANDOM_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const API_KEY_PATTERN = /^rw_live_[0-9A-Za-z]{49}$/;

/**
 * The secret of a new key: `rw_live_`, 256 random bits in 43 digits of base 62, and the CRC-32 of all that in 6. Made as
 * GitHub makes its own: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
export function generateApiKeySecret(random: RandomBytes): string {
  const value = BigInt(`0x${random(RANDOM_BYTES).toHex()}`);
  const body = PREFIX + toBase62(value, RANDOM_DIGITS);
  return body + toChecksum(body);
}

/** Whether it could be the secret of a key: one that was mistyped or made up is told apart without a look at what is kept. */
export function isApiKeySecret(text: string): boolean {
  const body = text.slice(0, -CHECKSUM_DIGITS);
  return API_KEY_PATTERN.test(text) && text === body + toChecksum(body);
}

/** What of a secret may be shown. */
export function toKeyPrefix(secret: string): string {
  return secret.slice(0, PREFIX.length + 4);
}

function toChecksum(text: string): string {
  return toBase62(BigInt(crc32(text)), CHECKSUM_DIGITS);
}

function toBase62(value: bigint, digits: number): string {
  let text = "";
  for (let remaining = value; remaining > 0n; remaining /= BASE) {
    text = DIGITS.charAt(Number(remaining % BASE)) + text;
  }
  return text.padStart(digits, "0");
}
