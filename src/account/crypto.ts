import { createHash } from "node:crypto";

/** RFC 4648, section 5: for URLs and cookies. */
export const BASE64URL = { alphabet: "base64url", omitPadding: true } as const;

/** Returns `size` random bytes. */
export type RandomBytes = (size: number) => Uint8Array;

export function systemRandomBytes(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size));
}

/** 256 bits: too many to guess, so an unsalted hash of them cannot be reversed. */
const TOKEN_BYTES = 32;

/** Generates a secret for a session, a state or a ticket: 256 bits in base64url. */
export function generateToken(random: RandomBytes): string {
  return random(TOKEN_BYTES).toBase64(BASE64URL);
}

/** SHA-256 in hex; secrets are stored only in this form. */
export function sha256Hex(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Derives a key from a secret text by HKDF-SHA256 (RFC 5869). The key cannot be exported. */
export async function deriveKey(
  secret: string,
  { info, algorithm, usages }: {
    /** The purpose: keys for different purposes reveal nothing about each other. */
    readonly info: string;
    readonly algorithm: AesDerivedKeyParams | HmacKeyGenParams;
    readonly usages: readonly KeyUsage[];
  },
): Promise<CryptoKey> {
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      // A random secret needs no salt: RFC 5869, 3.1.
      salt: new Uint8Array(),
      info: encoder.encode(`runwire: ${info}`),
    },
    base,
    algorithm,
    false,
    [...usages],
  );
}

/** Encrypts text that is stored in the database. */
export interface Cipher {
  /** `context` names the owner of the text; decryption requires the same context. */
  encrypt(text: string, context: string): Promise<string>;
  /** Returns `undefined` for text with another secret or context, or text that was modified. */
  decrypt(encrypted: string, context: string): Promise<string | undefined>;
}

/** Random 96-bit vectors are safe for 2^32 messages: NIST SP 800-38D, 8.3. */
const IV_BYTES = 12;
const ALGORITHM = "AES-GCM";

/** AES-256-GCM. Returns the initialization vector, the encrypted text and its tag in base64url. */
export class AesCipher implements Cipher {
  readonly #secret: string;
  readonly #random: RandomBytes;
  #key: Promise<CryptoKey> | undefined;

  /** @param secret the text from which the key is derived */
  constructor(
    secret: string,
    { random = systemRandomBytes }: { readonly random?: RandomBytes } = {},
  ) {
    this.#secret = secret;
    this.#random = random;
  }

  async encrypt(text: string, context: string): Promise<string> {
    const iv = Uint8Array.from(this.#random(IV_BYTES));
    const bytes = new TextEncoder().encode(text);
    const encrypted = await crypto.subtle.encrypt(
      toAesGcmParams(iv, context),
      await this.#getKey(),
      bytes,
    );
    const combined = new Uint8Array(IV_BYTES + encrypted.byteLength);
    combined.set(iv);
    combined.set(new Uint8Array(encrypted), IV_BYTES);
    return combined.toBase64(BASE64URL);
  }

  async decrypt(encrypted: string, context: string): Promise<string | undefined> {
    const key = await this.#getKey();
    try {
      const combined = Uint8Array.fromBase64(encrypted, BASE64URL);
      const iv = combined.slice(0, IV_BYTES);
      const text = await crypto.subtle.decrypt(
        toAesGcmParams(iv, context),
        key,
        combined.slice(IV_BYTES),
      );
      return new TextDecoder().decode(text);
    } catch {
      return undefined;
    }
  }

  #getKey(): Promise<CryptoKey> {
    return this.#key ??= deriveKey(this.#secret, {
      // Part of the derived key: changing it makes stored tokens unreadable.
      info: "tokens of users",
      algorithm: { name: ALGORITHM, length: 256 },
      usages: ["encrypt", "decrypt"],
    });
  }
}

function toAesGcmParams(iv: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
  return { name: ALGORITHM, iv, additionalData: new TextEncoder().encode(context) };
}
