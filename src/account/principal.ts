import type { Visibility } from "../visibility.ts";
import type { RepositoryRef } from "./access_cache.ts";
import type { ApiKey } from "./api_key.ts";
import { type Permission, PERMISSIONS } from "./permission.ts";
import type { Session } from "./session.ts";

/** The client: anonymous (if no login is configured), a user with a session, or a program with a key. */
export interface Principal {
  readonly kind: "open" | "session" | "key";
  /** Identifies the client for rate limits, for example `user 7`; `undefined` to use its address. */
  readonly id: string | undefined;
  readonly permissions: ReadonlySet<Permission>;
  /** Present for kind `session`. */
  readonly session?: Session;
  /** Present for kind `key`. */
  readonly key?: ApiKey;
  /**
   * Returns what the client may see, including every permission change reported before this call. Checks with GitHub if the
   * last check is some minutes old or permissions have changed. Returns the same set object while nothing has changed, and a
   * value instead of a promise if visibility never changes.
   * @throws {TokenRejectedError} when GitHub rejects the user's token: the session has ended
   * @throws {GitHubError} when GitHub is unavailable and the last check is too old
   * @throws {StorageError}
   */
  visibility(): Visibility | Promise<Visibility>;
  /** Returns whether the client may read a repository that may not be stored yet. Asks GitHub; throws as `visibility`. */
  canRead(repository: RepositoryRef): Promise<boolean>;
}

/** Any client, if no login is configured. */
export const ANONYMOUS_ADMIN: Principal = {
  kind: "open",
  id: undefined,
  permissions: new Set(PERMISSIONS),
  visibility: () => "all",
  canRead: () => Promise.resolve(true),
};
