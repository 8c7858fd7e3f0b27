import type { RepositoryRef } from "./access.ts";
import type { ApiKey } from "./api_key.ts";
import { type Permission, PERMISSIONS } from "./permission.ts";
import type { Session } from "./session.ts";
import type { Visibility } from "../visibility.ts";

/** Who asks: anybody (where no login is configured), a user by a session, or a program by a key. */
export interface Principal {
  readonly kind: "open" | "session" | "key";
  /** Under which its share is counted, for example `user 7`; `undefined` for its address. */
  readonly id: string | undefined;
  readonly permissions: ReadonlySet<Permission>;
  /** Of kind `session`. */
  readonly session?: Session;
  /** Of kind `key`. */
  readonly key?: ApiKey;
  /**
   * What it may see now: no change of rights that we heard of before this call is missed. GitHub is asked when that was some
   * minutes ago, or rights have changed. While nothing has changed it is the same set, by identity. Told at once where it
   * never changes.
   * @throws {LoginRefusedError} when GitHub does not take the user's token any more: the session has ended
   * @throws {RefusedError} when GitHub cannot be asked, and what is known is too old
   * @throws {StorageError}
   */
  visibility(): Visibility | Promise<Visibility>;
  /**
   * Whether GitHub lets it read this repository, which we may not know yet. Asks GitHub, and fails, as `visible` does.
   */
  canRead(repository: RepositoryRef): Promise<boolean>;
}

/** Anybody, where no login is configured. */
export const ANONYMOUS_ADMIN: Principal = {
  kind: "open",
  id: undefined,
  permissions: new Set(PERMISSIONS),
  visibility: () => "all",
  canRead: () => Promise.resolve(true),
};

/** What a request or a connection brings to say who asks; the first that is there counts. */
export interface Credentials {
  /** Of `Authorization: Bearer`. */
  readonly key?: string | undefined;
  readonly ticket?: string | undefined;
  /** Of the session's cookie. */
  readonly session?: string | undefined;
}

/** Knows callers by their credentials. */
export interface Authenticator {
  /** Whether a login is configured; otherwise everybody without credentials is let in. */
  readonly isAnonymousAllowed: boolean;
  /**
   * Who asks; `undefined` when nobody can tell: no credential, or one that does not count (any more). A user who has left the
   * allowed organizations is signed out by this.
   * @throws {StorageError}
   * @throws {RefusedError} when it was long ago that GitHub said that the user is in one, and it cannot be asked now
   */
  authenticate(credentials: Credentials): Promise<Principal | undefined>;
  /**
   * The same caller as of now, for a connection that stays open; `undefined` when it may not stay. Throws as `identify`.
   */
  reauthenticate(principal: Principal): Promise<Principal | undefined>;
}
