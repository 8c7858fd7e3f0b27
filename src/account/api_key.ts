import { crc32 } from "node:zlib";
import { type RandomBytes, sha256Hex } from "./crypto.ts";
import type { Permission } from "./permission.ts";

/** The last use of a key is stored to the minute. */
export const KEY_USE_INTERVAL_MS = 60_000;

/** An API key of a program, without its secret. Times are in ms since the epoch. */
export interface ApiKey {
  readonly id: number;
  readonly name: string;
  /** The start of the secret, to recognize the key: `rw_live_` and four characters. */
  readonly prefix: string;
  readonly scopes: readonly Permission[];
  /** Cast budget per calendar month (UTC); `null` for no limit. */
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

/** Stores API keys. All methods throw StorageError. */
export interface ApiKeyStore {
  create(key: NewApiKey): Promise<ApiKey>;
  /** Finds a key by hash, compared in constant time; also an expired or revoked key. */
  findByHash(hash: string): Promise<ApiKey | undefined>;
  findById(id: number): Promise<ApiKey | undefined>;
  /** Newest first. */
  list(page: { readonly page: number; readonly perPage: number }): Promise<{
    readonly total: number;
    readonly keys: readonly ApiKey[];
  }>;
  /** Returns the revoked key; `undefined` if it does not exist. */
  revoke(id: number): Promise<ApiKey | undefined>;
  /** Stores the time of a use, at most once a minute. */
  recordUse(id: number): Promise<void>;
}

/** Completes an error text: `expected …`. */
export const KEY_NAME_RULE = "1 to 100 characters, not blank and without control characters";

export function isKeyName(text: string): boolean {
  return /^\P{Cc}{1,100}$/u.test(text) && text.isWellFormed() && text.trim() !== "";
}

/**
 * Creates a key. The secret is returned once and not stored.
 * @throws {StorageError}
 */
export async function createApiKey(
  key: Omit<NewApiKey, "hash" | "prefix">,
  { keys, random }: { readonly keys: Pick<ApiKeyStore, "create">; readonly random: RandomBytes },
): Promise<{ readonly secret: string; readonly key: ApiKey }> {
  const secret = generateApiKeySecret(random);
  const created = await keys.create({
    ...key,
    prefix: toKeyPrefix(secret),
    hash: sha256Hex(secret),
  });
  return { secret, key: created };
}

export function isApiKeyActive({ expiresAt, revokedAt }: ApiKey, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt);
}

/** Prefix that secret scanners recognize. */
const PREFIX = "rw_live_";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = 62n;
const RANDOM_BYTES = 32;
/** Base-62 digits of 256 bits. */
const RANDOM_DIGITS = 43;
/** Base-62 digits of 32 bits. */
const CHECKSUM_DIGITS = 6;
const API_KEY_PATTERN = /^rw_live_[0-9A-Za-z]{49}$/;

/**
 * Generates a secret: `rw_live_`, 256 random bits in 43 base-62 digits, and a CRC-32 of both in 6 digits. GitHub's tokens have
 * the same format: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 */
export function generateApiKeySecret(random: RandomBytes): string {
  const value = BigInt(`0x${random(RANDOM_BYTES).toHex()}`);
  const body = PREFIX + toBase62(value, RANDOM_DIGITS);
  return body + toChecksum(body);
}

/** Checks format and checksum, so that mistyped secrets are rejected without a database query. */
export function isApiKeySecret(text: string): boolean {
  const body = text.slice(0, -CHECKSUM_DIGITS);
  return API_KEY_PATTERN.test(text) && text === body + toChecksum(body);
}

/** The part of a secret that may be shown. */
export function toKeyPrefix(secret: string): string {
  return secret.slice(0, PREFIX.length + 4);
}

function toChecksum(text: string): string {
  return toBase62(BigInt(crc32(text)), CHECKSUM_DIGITS);
}

function toBase62(value: bigint, digits: number): string {
  let text = "";
  for (let remaining = value; remaining > 0n; remaining /= BASE) {
    text = DIGITS.charAt(Number(remaining % BASE)) + text;
  }
  return text.padStart(digits, "0");
}
