import type { ApiKey } from "../account/api_key.ts";
import { createApiKey, isApiKeyActive } from "../account/new_key.ts";
import { type Permission, type Role, toPermissions } from "../account/permission.ts";
import { systemRandomBytes } from "../account/secret.ts";
import { formatUtcDay, systemClock } from "../clock.ts";
import { UsageError } from "../errors.ts";
import { SqlApiKeyStore } from "../sql/account/api_key.ts";
import { parseExpiry } from "./expiry.ts";
import { connectDatabase } from "./connect.ts";
import { print } from "./print.ts";
import { sanitize } from "./format.ts";

const PER_PAGE = 1_000;

export interface KeyOptions {
  readonly name: string;
  readonly role: Role;
  /** Instead of those of the role. */
  readonly scopes?: readonly Permission[];
  readonly budgetCents?: number;
  /** `90d`, or a day. */
  readonly expires?: string;
}

/** `runwire keys create`: prints the secret of a new key, and nothing else. */
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

/** `runwire keys list`: all keys, the newest first, a line each, parted by tabs. */
export async function listKeys(): Promise<void> {
  await using database = await connectDatabase();
  const store = new SqlApiKeyStore(database, systemClock);
  for (let page = 1;; page++) {
    const { keys, total } = await store.list({ page, perPage: PER_PAGE });
    for (const key of keys) print(formatKey(key, systemClock.now()));
    if (page * PER_PAGE >= total) return;
  }
}

/** `runwire keys revoke ID`: the key does not count from now on. */
export async function revokeKey(id: number): Promise<void> {
  await using database = await connectDatabase();
  const key = await new SqlApiKeyStore(database, systemClock).revoke(id);
  if (!key) throw new UsageError(`Cannot revoke key ${id}: there is none; see runwire keys list`);
  print(`Key ${id} is revoked, whoever uses it is refused from now on`);
}

function formatKey(key: ApiKey, now: number): string {
  const { revokedAt, expiresAt, lastUsedAt: usedAt, budgetCents } = key;
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
    usedAt === null ? "never used" : `used ${new Date(usedAt).toISOString()}`,
  ].map(sanitize).join("\t");
}
