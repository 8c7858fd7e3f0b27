import { type ApiKey, createApiKey, isApiKeyActive } from "../account/api_key.ts";
import { systemRandomBytes } from "../account/crypto.ts";
import { type Permission, type Role, toPermissions } from "../account/permission.ts";
import { formatUtcDay, systemClock } from "../clock.ts";
import { notFound } from "../error_text.ts";
import { UsageError } from "../errors.ts";
import { SqlApiKeyStore } from "../sql/account/api_key.ts";
import { parseExpiry } from "./date_argument.ts";
import { connectDatabase } from "./environment.ts";
import { sanitize } from "./format.ts";
import { print } from "./print.ts";

const PER_PAGE = 1_000;

export interface KeyOptions {
  readonly name: string;
  readonly role: Role;
  /** Overrides the permissions of the role. */
  readonly scopes?: readonly Permission[];
  readonly budgetCents?: number;
  /** For example `90d` or `2027-01-01`. */
  readonly expires?: string;
}

/** `runwire keys create`: prints the secret of a new key and nothing else. */
export async function createKeyCommand(options: KeyOptions): Promise<void> {
  const { name, role, scopes, budgetCents, expires } = options;
  const expiresAt = expires === undefined ? null : parseExpiry(expires, systemClock.now());
  await using database = await connectDatabase();
  const { secret } = await createApiKey({
    name,
    scopes: scopes ?? [...toPermissions(role)],
    budgetCents: budgetCents ?? null,
    expiresAt,
  }, { keys: new SqlApiKeyStore(database, systemClock), random: systemRandomBytes });
  print(secret);
}

/** `runwire keys list`: all keys, newest first, one per line, tab-separated. */
export async function listKeys(): Promise<void> {
  await using database = await connectDatabase();
  const store = new SqlApiKeyStore(database, systemClock);
  for (let page = 1;; page++) {
    const { keys, total } = await store.list({ page, perPage: PER_PAGE });
    for (const key of keys) print(formatKey(key, systemClock.now()));
    if (page * PER_PAGE >= total) return;
  }
}

/** `runwire keys revoke ID`: revokes the key immediately. */
export async function revokeKey(id: number): Promise<void> {
  await using database = await connectDatabase();
  const key = await new SqlApiKeyStore(database, systemClock).revoke(id);
  if (!key) throw new UsageError(`${notFound("Key", id)}; run "runwire keys list"`);
  print(`Revoked key ${id}`);
}

function formatKey(key: ApiKey, now: number): string {
  const { revokedAt, expiresAt, lastUsedAt, budgetCents } = key;
  const state = isApiKeyActive(key, now) ? "valid" : revokedAt === null ? "expired" : "revoked";
  return [
    String(key.id),
    key.name,
    `${key.prefix}…`,
    state,
    key.scopes.join(","),
    budgetCents === null ? "no budget" : `${budgetCents} cents a month`,
    `created ${formatUtcDay(key.createdAt)}`,
    expiresAt === null ? "does not expire" : `expires ${formatUtcDay(expiresAt)}`,
    lastUsedAt === null ? "never used" : `used ${new Date(lastUsedAt).toISOString()}`,
  ].map(sanitize).join("\t");
}
