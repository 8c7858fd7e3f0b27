import type { Clock } from "../../clock.ts";
import { Buffer } from "node:buffer";
import { type App, verifyJwt } from "./jwt.ts";
import type { OAuth } from "./oauth.ts";
import type { OAuthApp } from "./oauth_app.ts";
import type { User } from "../user_json.ts";
import { randomHex } from "../world/random.ts";
import { badCredentials, type ErrorResponse, notFound, undecodableJwt } from "../error_response.ts";
import { timestamp } from "../world/timestamp.ts";

export interface Credential {
  /** `app`: the app, authenticated with its JWT; `client`: an OAuth app, with its client id and secret. */
  readonly kind: "user" | "installation" | "app" | "client" | "anonymous";
  /** The token; empty for anonymous, `app` for the app, the client id for a client. */
  readonly token: string;
  /** The holder in GitHub's error messages, for example `user ID 1`. */
  readonly label: string;
  /** The consent behind a user token; tokens without a grant see everything. */
  readonly grant?: {
    readonly user: User;
    readonly app: OAuthApp["kind"];
    readonly scopes: readonly string[];
  };
}

export interface InstallationToken {
  readonly token: string;
  readonly expires_at: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly repository_selection: "all";
}

const ANONYMOUS: Credential = { kind: "anonymous", token: "", label: "127.0.0.1" };
const APP: Credential = { kind: "app", token: "app", label: "the app" };
const INSTALLATION_TOKEN_TTL_MS = 60 * 60 * 1000;

/** Accepted credentials: tokens of users and of app installations. */
export class Credentials {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #app: App | undefined;
  readonly #oauth: OAuth;
  readonly #userTokens: Set<string>;
  readonly #installations = new Map<string, { readonly id: number; readonly expiresAt: number }>();

  constructor({ clock, random, app, oauth, tokens }: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly app: App | undefined;
    readonly oauth: OAuth;
    readonly tokens: readonly string[];
  }) {
    this.#clock = clock;
    this.#random = random;
    this.#app = app;
    this.#oauth = oauth;
    this.#userTokens = new Set(tokens);
  }

  add(token: string): void {
    this.#userTokens.add(token);
  }

  /** Later requests with the token get 401. */
  revoke(token: string): void {
    this.#userTokens.delete(token);
    this.#installations.delete(token);
    this.#oauth.tokens.revoke(token);
  }

  /** Authenticates an `Authorization` header; returns an error if it is unknown or expired. */
  authenticate(authorization: string | null): Credential | ErrorResponse {
    if (authorization === null) return ANONYMOUS;
    const basic = /^basic\s+(\S+)$/i.exec(authorization)?.[1];
    if (basic !== undefined) return this.#authenticateClient(basic) ?? badCredentials();
    const token = /^(?:bearer|token)\s+(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) return badCredentials();
    if (this.#userTokens.has(token)) return { kind: "user", token, label: "user ID 1" };
    if (token.split(".").length === 3) {
      return verifyJwt(token, { app: this.#app, now: this.#clock.now() }) ?? APP;
    }
    const installation = this.#installations.get(token);
    if (installation && this.#clock.now() < installation.expiresAt) {
      return { kind: "installation", token, label: `installation ID ${installation.id}` };
    }
    return this.#authenticateUserToken(token) ?? badCredentials();
  }

  /** Issues a token for an installation to the app, valid for one hour. */
  issue(credential: Credential, installation: number): InstallationToken | ErrorResponse {
    if (credential.kind !== "app") return undecodableJwt();
    if (this.#app && !this.#app.installations.includes(installation)) return notFound();
    const token = `ghs_${randomHex(this.#random, 36)}`;
    const expiresAt = this.#clock.now() + INSTALLATION_TOKEN_TTL_MS;
    this.#removeExpired();
    this.#installations.set(token, { id: installation, expiresAt });
    return {
      token,
      expires_at: timestamp(expiresAt),
      permissions: { actions: "read", metadata: "read" },
      repository_selection: "all",
    };
  }

  #authenticateClient(basic: string): Credential | undefined {
    const [, id = "", secret = ""] =
      /^([^:]*):(.*)$/.exec(Buffer.from(basic, "base64").toString()) ?? [];
    const app = this.#oauth.findClient(id, secret);
    return app && { kind: "client", token: app.clientId, label: `client ID ${app.clientId}` };
  }

  #authenticateUserToken(token: string): Credential | undefined {
    const holder = this.#oauth.findHolder(token);
    if (!holder) return undefined;
    const { user, token: { app, scopes } } = holder;
    const grant = { user, app: app.kind, scopes };
    return { kind: "user", token, label: `user ID ${user.id}`, grant };
  }

  #removeExpired(): void {
    const now = this.#clock.now();
    for (const [token, { expiresAt }] of this.#installations) {
      if (expiresAt <= now) this.#installations.delete(token);
    }
  }
}
