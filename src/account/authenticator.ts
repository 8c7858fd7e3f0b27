import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { AccessCache } from "./access_cache.ts";
import {
  type ApiKey,
  type ApiKeyStore,
  isApiKeyActive,
  isApiKeySecret,
  KEY_USE_INTERVAL_MS,
} from "./api_key.ts";
import { sha256Hex } from "./crypto.ts";
import type { Membership } from "./membership.ts";
import { toPermissions } from "./permission.ts";
import { ANONYMOUS_ADMIN, type Principal } from "./principal.ts";
import type { Session, SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";

/** The credentials of a request or a connection. The first one present decides. */
export interface Credentials {
  /** From `Authorization: Bearer`. */
  readonly key?: string | undefined;
  readonly ticket?: string | undefined;
  /** From the session cookie. */
  readonly session?: string | undefined;
}

export interface Authenticator {
  /** Whether clients without credentials have full access: no login is configured. */
  readonly isAnonymousAllowed: boolean;
  /**
   * Returns the principal; `undefined` for missing, invalid or expired credentials. Signs out a user who has left the allowed
   * organizations.
   * @throws {StorageError}
   * @throws {GitHubError} when the last membership check is too old and GitHub is unavailable
   */
  authenticate(credentials: Credentials): Promise<Principal | undefined>;
  /**
   * Returns the current state of the principal of an open connection; `undefined` if the connection must close. Throws as
   * `authenticate`.
   */
  reauthenticate(principal: Principal): Promise<Principal | undefined>;
}

interface AccountAuthenticatorOptions {
  readonly keys: Pick<ApiKeyStore, "findByHash" | "findById" | "recordUse">;
  readonly tickets: Pick<TicketStore, "consume">;
  readonly clock: Clock;
  /** `undefined` if no login is configured: clients without credentials then have full access. */
  readonly login: {
    readonly sessions: Pick<SessionStore, "find">;
    readonly access: Pick<AccessCache, "visibility" | "canRead">;
    readonly membership: Pick<Membership, "isCurrent">;
  } | undefined;
}

/** Authenticates by stored keys, tickets and sessions. */
export class AccountAuthenticator implements Authenticator {
  readonly #options: AccountAuthenticatorOptions;
  readonly #logger = log("account");

  constructor(options: AccountAuthenticatorOptions) {
    this.#options = options;
  }

  get isAnonymousAllowed(): boolean {
    return this.#options.login === undefined;
  }

  async authenticate({ key, ticket, session }: Credentials): Promise<Principal | undefined> {
    if (key !== undefined) return await this.#authenticateApiKey(key);
    if (ticket !== undefined) return await this.#authenticateTicket(ticket);
    if (this.isAnonymousAllowed) return ANONYMOUS_ADMIN;
    return session === undefined ? undefined : await this.#authenticateSession(sha256Hex(session));
  }

  async reauthenticate({ session, key }: Principal): Promise<Principal | undefined> {
    if (session) return await this.#authenticateSession(session.id);
    if (key) return await this.#toApiKeyPrincipal(await this.#options.keys.findById(key.id));
    return this.isAnonymousAllowed ? ANONYMOUS_ADMIN : undefined;
  }

  async #authenticateApiKey(secret: string): Promise<Principal | undefined> {
    if (!isApiKeySecret(secret)) return undefined;
    return await this.#toApiKeyPrincipal(await this.#options.keys.findByHash(sha256Hex(secret)));
  }

  async #authenticateTicket(ticket: string): Promise<Principal | undefined> {
    const { tickets, keys } = this.#options;
    const holder = await tickets.consume(sha256Hex(ticket));
    if (holder === undefined) return undefined;
    if (holder === "anonymous") return this.isAnonymousAllowed ? ANONYMOUS_ADMIN : undefined;
    return "keyId" in holder
      ? await this.#toApiKeyPrincipal(await keys.findById(holder.keyId))
      : await this.#authenticateSession(holder.sessionId);
  }

  async #toApiKeyPrincipal(key: ApiKey | undefined): Promise<Principal | undefined> {
    const now = this.#options.clock.now();
    if (!key || !isApiKeyActive(key, now)) return undefined;
    if (key.lastUsedAt === null || key.lastUsedAt <= now - KEY_USE_INTERVAL_MS) {
      await this.#recordUse(key);
    }
    return {
      kind: "key",
      id: `key ${key.id}`,
      permissions: new Set(key.scopes),
      key,
      // Only admins create keys, and thereby decide what programs may see.
      visibility: () => "all",
      canRead: () => Promise.resolve(true),
    };
  }

  async #authenticateSession(id: string): Promise<Principal | undefined> {
    const { login } = this.#options;
    const session = await login?.sessions.find(id);
    if (!login || !session || !await login.membership.isCurrent(session.user)) return undefined;
    return toSessionPrincipal(session, login.access);
  }

  /** Authentication also works with a read-only database. */
  async #recordUse({ id }: ApiKey): Promise<void> {
    try {
      await this.#options.keys.recordUse(id);
    } catch (error) {
      this.#logger.warning("Failed to update last use of key {id}: {reason}", {
        id,
        reason: toErrorMessage(error),
      });
    }
  }
}

function toSessionPrincipal(
  session: Session,
  access: Pick<AccessCache, "visibility" | "canRead">,
): Principal {
  const { id, role } = session.user;
  return {
    kind: "session",
    id: `user ${id}`,
    permissions: toPermissions(role),
    session,
    visibility: () => access.visibility(id),
    canRead: (repository) => access.canRead(id, repository),
  };
}
