import type { Clock } from "../clock.ts";
import { BASE64URL, deriveKey } from "./crypto.ts";

/** The state of a login in progress, stored in a cookie of the browser. */
export interface LoginState {
  /** https://www.rfc-editor.org/rfc/rfc6749#section-10.12 */
  readonly state: string;
  /** PKCE: https://www.rfc-editor.org/rfc/rfc7636 */
  readonly verifier: string;
  readonly returnTo: string;
}

export const LOGIN_STATE_TTL_MS = 10 * 60_000;

/** Writes and reads the cookie of a login in progress, signed with HMAC-SHA256. */
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

  /** Returns `undefined` for a cookie with an invalid signature or an expired state. */
  async verify(cookie: string): Promise<LoginState | undefined> {
    const [text, signature] = cookie.split(".").map(decodeBase64Url);
    if (!text || !signature) return undefined;
    if (!await crypto.subtle.verify("HMAC", await this.#getKey(), signature, text)) {
      return undefined;
    }
    // The signature proves that `sign` wrote it.
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
