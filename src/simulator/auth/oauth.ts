import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Authorization, OAuthApp } from "./oauth_app.ts";
import { type IssuedToken, OAuthTokens, type UserToken } from "./oauth_tokens.ts";
import type { User } from "../user_json.ts";
import type { Users } from "../world/users.ts";
import { randomHex } from "../world/random.ts";

/** GitHub's error response of the token endpoint. */
export interface OAuthError {
  readonly error: string;
  readonly error_description: string;
}

/** The fields of a request to the token endpoint. */
export type TokenRequest = Readonly<Record<string, string | undefined>>;

interface AuthorizationCode extends Authorization {
  readonly userId: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
const CODE_TTL_MS = 10 * 60 * 1_000;

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors */
const INVALID_CLIENT = {
  error: "incorrect_client_credentials",
  error_description: "The client_id and/or client_secret passed are incorrect.",
};
const INVALID_CODE = {
  error: "bad_verification_code",
  error_description: "The code passed is incorrect or expired.",
};
const REDIRECT_MISMATCH = {
  error: "redirect_uri_mismatch",
  error_description:
    "The redirect_uri MUST match the registered callback URL for this application.",
};
const INVALID_REFRESH_TOKEN = {
  error: "bad_refresh_token",
  error_description: "The refresh token passed is incorrect or expired.",
};
const UNSUPPORTED_GRANT_TYPE = {
  error: "unsupported_grant_type",
  error_description: "The grant type is not supported.",
};

/** OAuth apps, the consents of users, and the resulting tokens. */
export class OAuth {
  readonly tokens: OAuthTokens;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #users: Users;
  /** By client id. */
  readonly #apps = new Map<string, OAuthApp>();
  readonly #codes = new Map<string, AuthorizationCode>();

  constructor({ clock, random, users }: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly users: Users;
  }) {
    this.#clock = clock;
    this.#random = random;
    this.#users = users;
    this.tokens = new OAuthTokens({ clock, random });
  }

  /** Registers an app; replaces an app with the same client id. */
  register(app: OAuthApp): void {
    this.#apps.set(app.clientId, app);
  }

  findApp(clientId: string): OAuthApp | undefined {
    return this.#apps.get(clientId);
  }

  findClient(clientId: string, clientSecret: string): OAuthApp | undefined {
    const app = this.#apps.get(clientId);
    return app?.clientSecret === clientSecret ? app : undefined;
  }

  /** A single-use code for a user's consent, valid for ten minutes. */
  createCode(authorization: Authorization, { id }: User): string {
    const code = randomHex(this.#random, 20);
    const expiresAt = this.#clock.now() + CODE_TTL_MS;
    this.#codes.set(code, { ...authorization, userId: id, expiresAt });
    return code;
  }

  requestToken(request: TokenRequest): IssuedToken | OAuthError {
    const app = this.findClient(request["client_id"] ?? "", request["client_secret"] ?? "");
    if (!app) return INVALID_CLIENT;
    const grantType = request["grant_type"] ?? "authorization_code";
    if (grantType === "authorization_code") return this.#exchangeCode(request, app);
    if (grantType !== "refresh_token" || app.kind === "oauth_app") {
      return UNSUPPORTED_GRANT_TYPE;
    }
    return this.tokens.refresh(request["refresh_token"] ?? "", app) ?? INVALID_REFRESH_TOKEN;
  }

  /** The user of a token; `undefined` if the token is unknown or expired. */
  findHolder(text: string): { readonly user: User; readonly token: UserToken } | undefined {
    const token = this.tokens.find(text);
    const user = token && this.#users.findById(token.userId);
    return token && user ? { user, token } : undefined;
  }

  #exchangeCode(request: TokenRequest, app: OAuthApp): IssuedToken | OAuthError {
    const { code = "", redirect_uri, code_verifier = "" } = request;
    const stored = this.#codes.get(code);
    if (stored?.clientId !== app.clientId) return INVALID_CODE;
    this.#codes.delete(code);
    if (stored.expiresAt <= this.#clock.now()) return INVALID_CODE;
    if (redirect_uri !== undefined && redirect_uri !== stored.redirectUri) return REDIRECT_MISMATCH;
    // GitHub does not document the error for a wrong verifier: the code "doesn't match what you received".
    if (stored.challenge !== undefined && toCodeChallenge(code_verifier) !== stored.challenge) {
      return INVALID_CODE;
    }
    return this.tokens.issue(app, { userId: stored.userId, scopes: stored.scopes });
  }
}

/** RFC 7636, section 4.2, `S256`. */
function toCodeChallenge(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}
