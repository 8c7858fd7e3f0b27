import { sql } from "kysely";
import type { Cipher } from "../../account/crypto.ts";
import type { Role } from "../../account/permission.ts";
import type { SignIn, StoredTokens, User, UserStore, UserTokens } from "../../account/user.ts";
import type { Clock } from "../../clock.ts";
import { limitOffset, type PageRequest } from "../clauses.ts";
import type { Database } from "../database.ts";
import type { UserTable } from "./account_tables.ts";

export interface SqlUserStoreOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Encrypts the tokens of users. */
  readonly cipher: Cipher;
}

/** Stores users in SQL. */
export class SqlUserStore implements UserStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #cipher: Cipher;

  constructor({ database, clock, cipher }: SqlUserStoreOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#cipher = cipher;
  }

  async saveSignIn({ profile, tokens, role }: SignIn): Promise<User> {
    const now = this.#clock.now();
    const signedInColumns = {
      login: profile.login,
      name: profile.name,
      avatar_url: profile.avatarUrl,
      signed_in_ms: now,
      membership_checked_ms: now,
      tokens: await this.#encrypt(profile.id, tokens),
    };
    const newUser = {
      id: profile.id,
      ...signedInColumns,
      role,
      created_ms: now,
      tokens_version: 1,
    };
    const row = await this.#database.write((tx) =>
      tx.insertInto("users").values(newUser)
        .onConflict((conflict) =>
          conflict.column("id").doUpdateSet((eb) => ({
            ...signedInColumns,
            tokens_version: eb("users.tokens_version", "+", 1),
            ...(role === "admin" ? { role } : {}),
          }))
        ).returningAll().executeTakeFirstOrThrow()
    );
    return toUser(row);
  }

  async findById(id: number): Promise<User | undefined> {
    const row = await this.#findRow(id);
    return row && toUser(row);
  }

  list(page: PageRequest): Promise<{ readonly total: number; readonly users: readonly User[] }> {
    return this.#database.read(async (db) => {
      const { total } = await db.selectFrom("users").select((eb) => eb.fn.countAll().as("total"))
        .executeTakeFirstOrThrow();
      const rows = await db.selectFrom("users").selectAll()
        .orderBy(sql`lower(login)`).orderBy("id").$call(limitOffset(page)).execute();
      return { total: Number(total), users: rows.map(toUser) };
    });
  }

  setRole(id: number, role: Role): Promise<User | "last_admin" | undefined> {
    return this.#database.write(async (tx) => {
      const admins = await tx.selectFrom("users").select("id").where("role", "=", "admin")
        .orderBy("id").forUpdate().execute();
      const isLast = admins.length === 1 && admins[0]?.id === id;
      if (isLast && role !== "admin") return "last_admin";
      const row = await tx.updateTable("users").set({ role }).where("id", "=", id)
        .returningAll().executeTakeFirst();
      return row && toUser(row);
    });
  }

  async recordMembership(
    id: number,
    { at, previous }: { readonly at: number; readonly previous: number },
  ): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("users").set({ membership_checked_ms: at })
        .where("id", "=", id).where("membership_checked_ms", "=", previous).execute()
    );
  }

  async loadTokens(id: number): Promise<StoredTokens | undefined> {
    const row = await this.#findRow(id);
    if (!row || row.tokens === null) return undefined;
    const text = await this.#cipher.decrypt(row.tokens, encryptionContext(id));
    if (text === undefined) return undefined;
    // Written by #encrypt(), as the cipher verifies. JSON has no undefined properties.
    const tokens: Partial<UserTokens> & Pick<UserTokens, "accessToken"> = JSON.parse(text);
    return {
      accessToken: tokens.accessToken,
      expiresAt: tokens.expiresAt,
      refreshToken: tokens.refreshToken,
      refreshExpiresAt: tokens.refreshExpiresAt,
      version: row.tokens_version,
    };
  }

  async replaceTokens(id: number, version: number, tokens: UserTokens): Promise<boolean> {
    return await this.#updateTokens(id, version, await this.#encrypt(id, tokens));
  }

  deleteTokens(id: number, version: number): Promise<boolean> {
    return this.#updateTokens(id, version, null);
  }

  async listWithoutSession(signedInBefore: number): Promise<readonly number[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("users").select("id")
        .where("tokens", "is not", null).where("signed_in_ms", "<", signedInBefore)
        .where(({ not, exists, selectFrom }) =>
          not(exists(
            selectFrom("sessions").select("sessions.id").whereRef("user_id", "=", "users.id"),
          ))
        ).orderBy("id").execute()
    );
    return rows.map(({ id }) => id);
  }

  async #updateTokens(id: number, version: number, tokens: string | null): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write((tx) =>
      tx.updateTable("users").set({ tokens, tokens_version: version + 1 })
        .where("id", "=", id).where("tokens_version", "=", version).executeTakeFirstOrThrow()
    );
    return numUpdatedRows > 0n;
  }

  #encrypt(id: number, tokens: UserTokens): Promise<string> {
    const { accessToken, expiresAt, refreshToken, refreshExpiresAt } = tokens;
    const text = JSON.stringify({ accessToken, expiresAt, refreshToken, refreshExpiresAt });
    return this.#cipher.encrypt(text, encryptionContext(id));
  }

  #findRow(id: number): Promise<UserTable | undefined> {
    return this.#database.read((db) =>
      db.selectFrom("users").selectAll().where("id", "=", id).executeTakeFirst()
    );
  }
}

export function toUser(row: Omit<UserTable, "tokens" | "tokens_version">): User {
  return {
    id: row.id,
    login: row.login,
    name: row.name,
    avatarUrl: row.avatar_url,
    role: row.role,
    createdAt: row.created_ms,
    signedInAt: row.signed_in_ms,
    membershipCheckedAt: row.membership_checked_ms,
  };
}

function encryptionContext(id: number): string {
  return `user ${id}`;
}
