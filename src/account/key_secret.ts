import { crc32 } from "node:zlib";
import type { RandomBytes } from "./secret.ts";

/** By this scanners of leaked secrets know ours. */
const PREFIX = "rw_live_";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = 62n;
const BYTES = 32;
/** As many digits as 256 bits take, and 32. */
const RANDOM_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const SECRET = /^rw_live_[0-9A-Za-z]{49}$/;

/**
 * The secret of a new key: `rw_live_`, 256 random bits in 43 digits of base 62, and the CRC-32 of all that in 6. Made as
 * GitHub makes its own: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
export function newKeySecret(random: RandomBytes): string {
  const value = BigInt(`0x${random(BYTES).toHex()}`);
  const start = PREFIX + base62(value, RANDOM_DIGITS);
  return start + checksumOf(start);
}

/** Whether it could be the secret of a key: one that was mistyped or made up is told apart without a look at what is kept. */
export function isKeySecret(text: string): boolean {
  const start = text.slice(0, -CHECKSUM_DIGITS);
  return SECRET.test(text) && text === start + checksumOf(start);
}

/** What of a secret may be shown. */
export function prefixOf(secret: string): string {
  return secret.slice(0, PREFIX.length + 4);
}

function checksumOf(text: string): string {
  return base62(BigInt(crc32(text)), CHECKSUM_DIGITS);
}

function base62(value: bigint, digits: number): string {
  let text = "";
  for (let rest = value; rest > 0n; rest /= BASE) text = DIGITS.charAt(Number(rest % BASE)) + text;
  return text.padStart(digits, "0");
}
