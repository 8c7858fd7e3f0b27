import type { Role } from "./permission.ts";

/** A user who has signed in with GitHub. Times are in ms since the epoch. */
export interface User {
  /** GitHub user ID. Logins can be renamed and reused by another user. */
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly avatarUrl: string | null;
  readonly role: Role;
  readonly createdAt: number;
  /** The last sign-in. */
  readonly signedInAt: number;
  /** The last time the user was found to be in an allowed organization; 0 forces a new check. */
  readonly membershipCheckedAt: number;
}

/** A user's profile on GitHub. */
export type Profile = Pick<User, "id" | "login" | "name" | "avatarUrl">;

/** The tokens of a user's authorization. Times are in ms since the epoch. */
export interface UserTokens {
  readonly accessToken: string;
  /** `undefined` for a token that does not expire. */
  readonly expiresAt: number | undefined;
  /** Single-use. */
  readonly refreshToken: string | undefined;
  readonly refreshExpiresAt: number | undefined;
}

/** Tokens as stored, encrypted. */
export interface StoredTokens extends UserTokens {
  /** Grows with each change, so that the second of two concurrent refreshes detects the first. */
  readonly version: number;
}

export interface SignIn {
  readonly profile: Profile;
  readonly tokens: UserTokens;
  /** The role of a new user. `admin` also promotes an existing user. */
  readonly role: Role;
}

/** Stores users. All methods throw StorageError. */
export interface UserStore {
  /** Creates the user, or updates profile and tokens. */
  saveSignIn(signIn: SignIn): Promise<User>;
  findById(id: number): Promise<User | undefined>;
  /** Sorted by login. */
  list(page: { readonly page: number; readonly perPage: number }): Promise<{
    readonly total: number;
    readonly users: readonly User[];
  }>;
  /** Returns the changed user; `last_admin` if that would leave no admin; `undefined` for an unknown user. */
  setRole(id: number, role: Role): Promise<User | "last_admin" | undefined>;
  /** Sets membershipCheckedAt to `at`, unless it differs from `previous`. */
  recordMembership(
    id: number,
    times: { readonly at: number; readonly previous: number },
  ): Promise<void>;
  /** Returns `undefined` if none are stored, or they were encrypted with another secret. */
  loadTokens(id: number): Promise<StoredTokens | undefined>;
  /** Does nothing and returns `false` if the stored version differs. */
  replaceTokens(id: number, version: number, tokens: UserTokens): Promise<boolean>;
  /** Does nothing and returns `false` if the stored version differs. */
  deleteTokens(id: number, version: number): Promise<boolean>;
  /** The ids of users with tokens but no session who signed in before a time (ms since the epoch). */
  listWithoutSession(signedInBefore: number): Promise<readonly number[]>;
}
