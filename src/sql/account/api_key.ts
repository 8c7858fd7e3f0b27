import { timingSafeEqual } from "node:crypto";
import {
  type ApiKey,
  type ApiKeyStore,
  KEY_USE_INTERVAL_MS,
  type NewApiKey,
} from "../../account/api_key.ts";
import { PERMISSIONS } from "../../account/permission.ts";
import type { Clock } from "../../clock.ts";
import { limitOffset, type PageRequest } from "../clauses.ts";
import type { Database } from "../database.ts";
import type { ApiKeyTable } from "./account_tables.ts";

/** A row as returned by a query. */
type ApiKeyRow = Omit<ApiKeyTable, "id"> & { readonly id: number };

/** Stores API keys in SQL. */
export class SqlApiKeyStore implements ApiKeyStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async create(key: NewApiKey): Promise<ApiKey> {
    const row = await this.#database.write((tx) =>
      tx.insertInto("api_keys").values({
        name: key.name,
        prefix: key.prefix,
        hash: key.hash,
        scopes: key.scopes.join(" "),
        budget_cents: key.budgetCents,
        created_ms: this.#clock.now(),
        expires_ms: key.expiresAt,
        last_used_ms: null,
        revoked_ms: null,
      }).returningAll().executeTakeFirstOrThrow()
    );
    return toApiKey(row);
  }

  async findByHash(hash: string): Promise<ApiKey | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("api_keys").selectAll().where("hash", "=", hash).executeTakeFirst()
    );
    return row && isEqual(row.hash, hash) ? toApiKey(row) : undefined;
  }

  async findById(id: number): Promise<ApiKey | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst()
    );
    return row && toApiKey(row);
  }

  list(page: PageRequest): Promise<{ readonly total: number; readonly keys: readonly ApiKey[] }> {
    return this.#database.read(async (db) => {
      const { total } = await db.selectFrom("api_keys").select((eb) => eb.fn.countAll().as("total"))
        .executeTakeFirstOrThrow();
      const rows = await db.selectFrom("api_keys").selectAll().orderBy("id", "desc")
        .$call(limitOffset(page)).execute();
      return { total: Number(total), keys: rows.map(toApiKey) };
    });
  }

  async revoke(id: number): Promise<ApiKey | undefined> {
    const now = this.#clock.now();
    const row = await this.#database.write((tx) =>
      tx.updateTable("api_keys")
        .set((eb) => ({ revoked_ms: eb.fn.coalesce("revoked_ms", eb.val(now)) }))
        .where("id", "=", id).returningAll().executeTakeFirst()
    );
    return row && toApiKey(row);
  }

  async recordUse(id: number): Promise<void> {
    const now = this.#clock.now();
    await this.#database.write((tx) =>
      tx.updateTable("api_keys").set({ last_used_ms: now }).where("id", "=", id)
        .where((eb) =>
          eb.or([
            eb("last_used_ms", "is", null),
            eb("last_used_ms", "<=", now - KEY_USE_INTERVAL_MS),
          ])
        )
        .execute()
    );
  }
}

/** Constant-time comparison. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [a, b].map((each) => new TextEncoder().encode(each));
  return left !== undefined && right !== undefined && left.length === right.length &&
    timingSafeEqual(left, right);
}

function toApiKey(row: ApiKeyRow): ApiKey {
  const scopes = row.scopes.split(" ");
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: PERMISSIONS.filter((permission) => scopes.includes(permission)),
    budgetCents: row.budget_cents,
    createdAt: row.created_ms,
    expiresAt: row.expires_ms,
    lastUsedAt: row.last_used_ms,
    revokedAt: row.revoked_ms,
  };
}
