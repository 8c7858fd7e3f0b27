import { createHash } from "node:crypto";

/** RFC 4648, section 5: for URLs and cookies. */
export const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;

/** As many random bytes. */
export type RandomBytes = (size: number) => Uint8Array;

export function systemRandomBytes(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size));
}

/** So many bits cannot be guessed, and a hash of them cannot be turned back. */
const TOKEN_BYTES = 32;

/** A secret for a session, a state or a ticket: 256 bits in base64url. */
export function generateToken(random: RandomBytes): string {
  return random(TOKEN_BYTES).toBase64(BASE64URL);
}

/** What is kept of a secret: its SHA-256, in hex. */
export function sha256Hex(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
