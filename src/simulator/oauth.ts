import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Authorization, OAuthApp } from "./oauth_app.ts";
import { type IssuedToken, OAuthTokens, type UserToken } from "./oauth_tokens.ts";
import type { People, User } from "./people.ts";
import { hex } from "./random.ts";

/** How GitHub refuses a code or a token, in its words. */
export interface OAuthRefusal {
  readonly error: string;
  readonly error_description: string;
}

/** What comes to the token endpoint, by name. */
export type TokenRequest = Readonly<Record<string, string | undefined>>;

interface Code extends Authorization {
  readonly userId: number;
  /** ms since the epoch */
  readonly expiresAt: number;
}

/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
const CODE_MS = 10 * 60 * 1_000;

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors */
const WRONG_CLIENT = {
  error: "incorrect_client_credentials",
  error_description: "The client_id and/or client_secret passed are incorrect.",
};
const WRONG_CODE = {
  error: "bad_verification_code",
  error_description: "The code passed is incorrect or expired.",
};
const WRONG_REDIRECT = {
  error: "redirect_uri_mismatch",
  error_description:
    "The redirect_uri MUST match the registered callback URL for this application.",
};
const WRONG_REFRESH_TOKEN = {
  error: "bad_refresh_token",
  error_description: "The refresh token passed is incorrect or expired.",
};
const WRONG_GRANT_TYPE = {
  error: "unsupported_grant_type",
  error_description: "The grant type is not supported.",
};

/** The apps that users sign in to, what users have consented to, and the tokens that came of it. */
export class OAuth {
  readonly tokens: OAuthTokens;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #people: People;
  /** By client id. */
  readonly #apps = new Map<string, OAuthApp>();
  readonly #codes = new Map<string, Code>();

  constructor({ clock, random, people }: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly people: People;
  }) {
    this.#clock = clock;
    this.#random = random;
    this.#people = people;
    this.tokens = new OAuthTokens({ clock, random });
  }

  /** Registers an app, instead of one of the same client id. */
  register(app: OAuthApp): void {
    this.#apps.set(app.clientId, app);
  }

  app(clientId: string): OAuthApp | undefined {
    return this.#apps.get(clientId);
  }

  /** Whose client id and secret these are. */
  client(clientId: string, clientSecret: string): OAuthApp | undefined {
    const app = this.#apps.get(clientId);
    return app?.clientSecret === clientSecret ? app : undefined;
  }

  /** The code for a user's consent: good once, for ten minutes. */
  consented(authorization: Authorization, { id }: User): string {
    const code = hex(this.#random, 20);
    const expiresAt = this.#clock.now() + CODE_MS;
    this.#codes.set(code, { ...authorization, userId: id, expiresAt });
    return code;
  }

  /** What the token endpoint answers. */
  token(request: TokenRequest): IssuedToken | OAuthRefusal {
    const app = this.client(request["client_id"] ?? "", request["client_secret"] ?? "");
    if (!app) return WRONG_CLIENT;
    const grantType = request["grant_type"] ?? "authorization_code";
    if (grantType === "authorization_code") return this.#exchange(request, app);
    if (grantType !== "refresh_token" || app.kind === "oauth_app") return WRONG_GRANT_TYPE;
    return this.tokens.refresh(request["refresh_token"] ?? "", app) ?? WRONG_REFRESH_TOKEN;
  }

  /** The user and the token behind an `Authorization`; `undefined` when it is not accepted (any more). */
  holder(token: string): { readonly user: User; readonly token: UserToken } | undefined {
    const found = this.tokens.find(token);
    const user = found && this.#people.byId(found.userId);
    return found && user ? { user, token: found } : undefined;
  }

  #exchange(request: TokenRequest, app: OAuthApp): IssuedToken | OAuthRefusal {
    const { code = "", redirect_uri, code_verifier = "" } = request;
    const found = this.#codes.get(code);
    if (found?.clientId !== app.clientId) return WRONG_CODE;
    this.#codes.delete(code);
    if (found.expiresAt <= this.#clock.now()) return WRONG_CODE;
    if (redirect_uri !== undefined && redirect_uri !== found.redirectUri) return WRONG_REDIRECT;
    // What GitHub answers to a wrong verifier is not documented: the code "doesn't match what you received".
    if (found.challenge !== undefined && challengeOf(code_verifier) !== found.challenge) {
      return WRONG_CODE;
    }
    return this.tokens.issue(app, { userId: found.userId, scopes: found.scopes });
  }
}

/** RFC 7636, section 4.2, `S256`. */
function challengeOf(verifier: string): string {
  return createHash("sha256").update(verifier).digest("base64url");
}
