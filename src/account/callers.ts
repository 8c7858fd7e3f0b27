import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import type { AccessCache } from "./access_cache.ts";
import { type ApiKey, type ApiKeyStore, KEY_USE_MS } from "./api_key.ts";
import { type Caller, type Callers, type Credentials, OPEN_CALLER } from "./caller.ts";
import { isKeySecret } from "./key_secret.ts";
import type { Membership } from "./membership.ts";
import { isValid } from "./new_key.ts";
import { permissionsOf } from "./permission.ts";
import { hashOf } from "./secret.ts";
import type { Session, SessionStore } from "./session.ts";
import type { TicketStore } from "./ticket.ts";

export interface AccountCallersOptions {
  readonly keys: Pick<ApiKeyStore, "byHash" | "byId" | "noteUse">;
  readonly tickets: Pick<TicketStore, "take">;
  readonly clock: Clock;
  /** Where users sign in; `undefined` where none is configured, and everybody without credentials is let in. */
  readonly login: {
    readonly sessions: Pick<SessionStore, "find">;
    readonly access: Pick<AccessCache, "visible" | "mayRead">;
    readonly membership: Pick<Membership, "holds">;
  } | undefined;
}

/** Knows callers by what is kept of keys, tickets and sessions. */
export class AccountCallers implements Callers {
  readonly #options: AccountCallersOptions;
  readonly #logger = log("account");

  constructor(options: AccountCallersOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#options.login === undefined;
  }

  async identify({ key, ticket, session }: Credentials): Promise<Caller | undefined> {
    if (key !== undefined) return await this.#bySecret(key);
    if (ticket !== undefined) return await this.#byTicket(ticket);
    if (this.isOpen) return OPEN_CALLER;
    return session === undefined ? undefined : await this.#bySession(hashOf(session));
  }

  async again({ session, key }: Caller): Promise<Caller | undefined> {
    if (session) return await this.#bySession(session.id);
    if (key) return await this.#byKey(await this.#options.keys.byId(key.id));
    return this.isOpen ? OPEN_CALLER : undefined;
  }

  async #bySecret(secret: string): Promise<Caller | undefined> {
    if (!isKeySecret(secret)) return undefined;
    return await this.#byKey(await this.#options.keys.byHash(hashOf(secret)));
  }

  async #byTicket(ticket: string): Promise<Caller | undefined> {
    const { tickets, keys } = this.#options;
    const holder = await tickets.take(hashOf(ticket));
    if (holder === undefined) return undefined;
    if (holder === "anybody") return this.isOpen ? OPEN_CALLER : undefined;
    return "keyId" in holder
      ? await this.#byKey(await keys.byId(holder.keyId))
      : await this.#bySession(holder.sessionId);
  }

  async #byKey(key: ApiKey | undefined): Promise<Caller | undefined> {
    const now = this.#options.clock.now();
    if (!key || !isValid(key, now)) return undefined;
    if (key.usedAt === null || key.usedAt <= now - KEY_USE_MS) await this.#noteUse(key);
    return {
      kind: "key",
      account: `key ${key.id}`,
      permissions: new Set(key.scopes),
      key,
      // Only admins make keys, for whom it is to say what a program is shown.
      visible: () => "all",
      mayRead: () => Promise.resolve(true),
    };
  }

  async #bySession(id: string): Promise<Caller | undefined> {
    const { login } = this.#options;
    const session = await login?.sessions.find(id);
    if (!login || !session || !await login.membership.holds(session.user)) return undefined;
    return callerOf(session, login.access);
  }

  /** A database that cannot be written can still tell who asks. */
  async #noteUse({ id }: ApiKey): Promise<void> {
    try {
      await this.#options.keys.noteUse(id);
    } catch (error) {
      this.#logger.warning("Cannot note the use of key {id}: {reason}", {
        id,
        reason: messageOf(error),
      });
    }
  }
}

function callerOf(session: Session, access: Pick<AccessCache, "visible" | "mayRead">): Caller {
  const { id, role } = session.user;
  return {
    kind: "session",
    account: `user ${id}`,
    permissions: permissionsOf(role),
    session,
    visible: () => access.visible(id),
    mayRead: (repository) => access.mayRead(id, repository),
  };
}
