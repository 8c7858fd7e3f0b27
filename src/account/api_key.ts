import type { Permission } from "./permission.ts";

/** A key's use is noted to the minute. */
export const KEY_USE_INTERVAL_MS = 60_000;

/** A key of a program, without the secret itself. Times are ms since the epoch. */
export interface ApiKey {
  readonly id: number;
  readonly name: string;
  /** The beginning of the secret, by which a person knows it again: `rw_live_` and four characters. */
  readonly prefix: string;
  readonly scopes: readonly Permission[];
  /** What its casts may cost in a calendar month (UTC); `null` for no bound. */
  readonly budgetCents: number | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export type NewApiKey = Pick<ApiKey, "name" | "prefix" | "scopes" | "budgetCents" | "expiresAt"> & {
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
};

/** Where keys are kept. All throw StorageError. */
export interface ApiKeyStore {
  create(key: NewApiKey): Promise<ApiKey>;
  /** The key of that hash, compared in constant time, whether it may be used or not. */
  findByHash(hash: string): Promise<ApiKey | undefined>;
  findById(id: number): Promise<ApiKey | undefined>;
  /** The newest first. */
  list(page: { readonly page: number; readonly perPage: number }): Promise<{
    readonly total: number;
    readonly keys: readonly ApiKey[];
  }>;
  /** The key, revoked; `undefined` when there is no such key. */
  revoke(id: number): Promise<ApiKey | undefined>;
  /** Notes a use, once a minute at the most. */
  recordUse(id: number): Promise<void>;
}
