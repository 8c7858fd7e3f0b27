import { AesCipher } from "../../src/account/crypto.ts";
import { type OAuthProvider, TokenRejectedError, type UserTokens } from "../../src/account/oauth_provider.ts";
import type { Profile } from "../../src/account/user.ts";
import type { Clock } from "../../src/clock.ts";
import { SqlAccessStore } from "../../src/sql/account/access.ts";
import { SqlApiKeyStore } from "../../src/sql/account/api_key.ts";
import type { Database } from "../../src/sql/database.ts";
import { SqlSessionStore } from "../../src/sql/account/session.ts";
import { SqlTicketStore } from "../../src/sql/account/ticket.ts";
import { SqlUserStore } from "../../src/sql/account/user.ts";

export const SECRET = "0123456789abcdef0123456789abcdef";

/** The settings with which users can sign in. */
export const LOGIN_VARIABLES = {
  GITHUB_OAUTH_CLIENT_ID: "Iv1.abc",
  GITHUB_OAUTH_CLIENT_SECRET: "a client secret",
  SESSION_SECRET: SECRET,
};

export function aProfile(profile: Partial<Profile> = {}): Profile {
  return { id: 7, login: "Mona", name: "Mona Lisa", avatarUrl: null, ...profile };
}

/** Of an OAuth app: they do not expire. */
export function someTokens(tokens: Partial<UserTokens> = {}): UserTokens {
  return {
    accessToken: "gho_one",
    expiresAt: undefined,
    refreshToken: undefined,
    refreshExpiresAt: undefined,
    ...tokens,
  };
}

/** Where accounts are kept. */
export function accountStores(database: Database, clock: Clock) {
  return {
    users: new SqlUserStore({ database, clock, cipher: new AesCipher(SECRET) }),
    sessions: new SqlSessionStore(database, clock),
    keys: new SqlApiKeyStore(database, clock),
    tickets: new SqlTicketStore(database, clock),
    access: new SqlAccessStore(database),
  };
}

/** Answers as it is told to, and notes what it was asked. */
export class ScriptedProvider implements OAuthProvider {
  readonly asked: string[] = [];
  /** By what it exchanges for tokens; what is not here, is refused. */
  readonly grants = new Map<string, UserTokens>();
  /** The organisations of a token's user; what is not here, is refused. */
  readonly memberships = new Map<string, readonly string[]>();
  profileOf: Profile = aProfile();
  /** Thrown by all but `revoke`, while it is set. */
  failure: Error | undefined;

  authorizationUrl(
    request: { readonly state: string; readonly challenge: string; readonly redirectUri: string },
  ): string {
    const query = new URLSearchParams({ ...request });
    return `https://github.example/authorize?${query}`;
  }

  exchangeCode({ code }: { readonly code: string }): Promise<UserTokens> {
    return this.#grant(code);
  }

  refresh(refreshToken: string): Promise<UserTokens> {
    return this.#grant(refreshToken);
  }

  revoke(accessToken: string): Promise<void> {
    this.asked.push(`revoke ${accessToken}`);
    return Promise.resolve();
  }

  async fetchProfile(accessToken: string): Promise<Profile> {
    this.#ask(`profile ${accessToken}`);
    await Promise.resolve();
    return this.profileOf;
  }

  async listOrganizations(accessToken: string): Promise<readonly string[]> {
    this.#ask(`organisations ${accessToken}`);
    const found = this.memberships.get(accessToken);
    await Promise.resolve();
    if (!found) throw new TokenRejectedError("Revoked");
    return found;
  }

  /** Each once. */
  async #grant(code: string): Promise<UserTokens> {
    this.#ask(`grant ${code}`);
    const tokens = this.grants.get(code);
    this.grants.delete(code);
    await Promise.resolve();
    if (!tokens) throw new TokenRejectedError("Used or unknown");
    return tokens;
  }

  #ask(what: string): void {
    this.asked.push(what);
    if (this.failure) throw this.failure;
  }
}
