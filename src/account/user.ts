import type { Role } from "./permission.ts";
import type { UserTokens } from "./oauth_provider.ts";

/** Somebody who has signed in by GitHub. Times are ms since the epoch. */
export interface User {
  /** GitHub's number of the user: a login can be renamed, and taken by somebody else. */
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly avatarUrl: string | null;
  readonly role: Role;
  readonly createdAt: number;
  /** When last signed in. */
  readonly signedInAt: number;
  /** When last found to be in one of the allowed organizations; 0 when that is to be asked anew. */
  readonly membershipCheckedAt: number;
}

/** How GitHub names a user. */
export type Profile = Pick<User, "id" | "login" | "name" | "avatarUrl">;

/** A user's tokens, which are kept encrypted. */
export interface StoredTokens extends UserTokens {
  /** Counts up with each change, so that of two who refresh them one knows that it came second. */
  readonly version: number;
}

export interface SignIn {
  readonly profile: Profile;
  readonly tokens: UserTokens;
  /** The role of a newcomer; `admin` also lifts one who was here before. */
  readonly role: Role;
}

/** Where users are kept. All throw StorageError. */
export interface UserStore {
  /** Keeps a user as GitHub tells now. */
  signIn(signIn: SignIn): Promise<User>;
  findById(id: number): Promise<User | undefined>;
  /** By login. */
  list(page: { readonly page: number; readonly perPage: number }): Promise<{
    readonly total: number;
    readonly users: readonly User[];
  }>;
  /** The user as changed. Somebody has to be admin: the last one stays. `undefined` when there is no such user. */
  setRole(id: number, role: Role): Promise<User | "last_admin" | undefined>;
  /** Notes that the user was found to be in one of the allowed organizations, unless `memberAt` is not `before` any more. */
  recordMembership(
    id: number,
    times: { readonly at: number; readonly previous: number },
  ): Promise<void>;
  /** `undefined` when there are none, or they were encrypted with another secret. */
  tokens(id: number): Promise<StoredTokens | undefined>;
  /** Does nothing, and returns `false`, when they are not of this version any more. */
  replaceTokens(id: number, version: number, tokens: UserTokens): Promise<boolean>;
  /** Does nothing, and returns `false`, when they are not of this version any more. */
  deleteTokens(id: number, version: number): Promise<boolean>;
  /** The ids of those whose tokens are kept, but no session, and who signed in before that time (ms since the epoch). */
  listWithoutSession(signedInBefore: number): Promise<readonly number[]>;
}
