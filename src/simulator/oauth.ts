import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Authorization, OAuthApp } from "./oauth_app.ts";
import { type IssuedToken, OAuthTokens, type UserToken } from "./oauth_tokens.ts";
import type { User, Users } from "./users.ts";
import { randomHex } from "./random.ts";

/** How GitHub refuses a code or a token, in its words. */
export interface OAuthError {
  readonly error: string;
  readonly error_description: string;
}

/** What comes to the token endpoint, by name. */
export type TokenRequest = Readonly<Record<string, string | undefined>>;

interface AuthorizationCode extends Authorization {
  readonly userId: number;
  /** ms since the epoch */
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

/** The apps that users sign in to, what users have consented to, and the tokens that came of it. */
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

  /** Registers an app, instead of one of the same client id. */
  register(findApp: OAuthApp): void {
    this.#apps.set(findApp.clientId, findApp);
  }

  findApp(clientId: string): OAuthApp | undefined {
    return this.#apps.get(clientId);
  }

  /** Whose client id and secret these are. */
  findClient(clientId: string, clientSecret: string): OAuthApp | undefined {
    const findApp = this.#apps.get(clientId);
    return findApp?.clientSecret === clientSecret ? findApp : undefined;
  }

  /** The code for a user's consent: good once, for ten minutes. */
  createCode(authorization: Authorization, { id }: User): string {
    const code = randomHex(this.#random, 20);
    const expiresAt = this.#clock.now() + CODE_TTL_MS;
    this.#codes.set(code, { ...authorization, userId: id, expiresAt });
    return code;
  }

  /** What the token endpoint answers. */
  requestToken(request: TokenRequest): IssuedToken | OAuthError {
    const findApp = this.findClient(request["client_id"] ?? "", request["client_secret"] ?? "");
    if (!findApp) return INVALID_CLIENT;
    const grantType = request["grant_type"] ?? "authorization_code";
    if (grantType === "authorization_code") return this.#exchangeCode(request, findApp);
    if (grantType !== "refresh_token" || findApp.kind === "oauth_app") {
      return UNSUPPORTED_GRANT_TYPE;
    }
    return this.tokens.refresh(request["refresh_token"] ?? "", findApp) ?? INVALID_REFRESH_TOKEN;
  }

  /** The user and the token behind an `Authorization`; `undefined` when it is not accepted (any more). */
  findHolder(
    requestToken: string,
  ): { readonly user: User; readonly requestToken: UserToken } | undefined {
    const found = this.tokens.find(requestToken);
    const user = found && this.#users.findById(found.userId);
    return found && user ? { user, requestToken: found } : undefined;
  }

  #exchangeCode(request: TokenRequest, findApp: OAuthApp): IssuedToken | OAuthError {
    const { code = "", redirect_uri, code_verifier = "" } = request;
    const stored = this.#codes.get(code);
    if (stored?.clientId !== findApp.clientId) return INVALID_CODE;
    this.#codes.delete(code);
    if (stored.expiresAt <= this.#clock.now()) return INVALID_CODE;
    if (redirect_uri !== undefined && redirect_uri !== stored.redirectUri) return REDIRECT_MISMATCH;
    // What GitHub answers to a wrong verifier is not documented: the code "doesn't match what you received".
    if (stored.challenge !== undefined && toCodeChallenge(code_verifier) !== stored.challenge) {
      return INVALID_CODE;
    }
    return this.tokens.issue(findApp, { userId: stored.userId, scopes: stored.scopes });
  }
}

/** RFC 7636, section 4.2, `S256`. */
function toCodeChallenge(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}
