import type { Clock } from "../clock.ts";
import { deriveKey } from "./derived_key.ts";
import { BASE64URL } from "./secret.ts";

/** What a browser keeps while it is at GitHub. */
export interface LoginState {
  /** Comes back by GitHub: https://www.rfc-editor.org/rfc/rfc6749#section-10.12 */
  readonly state: string;
  /** Of PKCE: https://www.rfc-editor.org/rfc/rfc7636 */
  readonly verifier: string;
  readonly returnTo: string;
}

/** Somebody who signs in is back within this time. */
export const LOGIN_STATE_TTL_MS = 10 * 60_000;

/** Writes and reads the cookie of a login that is under way, signed so that nobody else can make one (HMAC-SHA256). */
export class LoginStateCookie {
  readonly #secret: string;
  readonly #clock: Clock;
  #key: Promise<CryptoKey> | undefined;

  constructor(secret: string, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  async sign(state: LoginState): Promise<string> {
    const expiresAt = this.#clock.now() + LOGIN_STATE_TTL_MS;
    const text = new TextEncoder().encode(JSON.stringify({ ...state, expiresAt }));
    const signature = await crypto.subtle.sign("HMAC", await this.#getKey(), text);
    return `${text.toBase64(BASE64URL)}.${new Uint8Array(signature).toBase64(BASE64URL)}`;
  }

  /** `undefined` for one that we did not write, or too long ago. */
  async verify(cookie: string): Promise<LoginState | undefined> {
    const [text, signature] = cookie.split(".").map(decodeBase64Url);
    if (!text || !signature) return undefined;
    if (!await crypto.subtle.verify("HMAC", await this.#getKey(), signature, text)) {
      return undefined;
    }
    // We wrote it ourselves, as the signature makes sure.
    const { expiresAt, ...state }: LoginState & { readonly expiresAt: number } = JSON.parse(
      new TextDecoder().decode(text),
    );
    return this.#clock.now() < expiresAt ? state : undefined;
  }

  #getKey(): Promise<CryptoKey> {
    return this.#key ??= deriveKey(this.#secret, {
      info: "cookies of logins",
      algorithm: { name: "HMAC", hash: "SHA-256" },
      usages: ["sign", "verify"],
    });
  }
}

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text, BASE64URL);
  } catch {
    return undefined;
  }
}
