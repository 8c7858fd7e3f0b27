import { deriveKey } from "./derived_key.ts";
import { BASE64URL, type RandomBytes, systemRandomBytes } from "./secret.ts";

/** Keeps text secret that is kept with others' data. */
export interface Cipher {
  /** `context` is whose text it is: it cannot be read under another one. */
  encrypt(text: string, context: string): Promise<string>;
  /** `undefined` when it was encrypted with another secret or for another context, or has been changed. */
  decrypt(encrypted: string, context: string): Promise<string | undefined>;
}

/** A random one of 96 bits is safe for 2^32 messages: NIST SP 800-38D, 8.3. */
const IV_BYTES = 12;
const ALGORITHM = "AES-GCM";

/** AES-256-GCM. What it makes is the base64url of the initialisation vector, the encrypted text and its tag. */
export class AesCipher implements Cipher {
  readonly #secret: string;
  readonly #random: RandomBytes;
  #key: Promise<CryptoKey> | undefined;

  /** `secret`: the text of which the key is derived. */
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
      info: "tokens of users",
      algorithm: { name: ALGORITHM, length: 256 },
      usages: ["encrypt", "decrypt"],
    });
  }
}

function toAesGcmParams(iv: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
  return { name: ALGORITHM, iv, additionalData: new TextEncoder().encode(context) };
}
