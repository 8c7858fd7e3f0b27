import { type Kysely, sql } from "kysely";
import { createIndexes, key, notNull, ownedBy, primaryKey } from "../columns.ts";

/** Users with their sessions, API keys, tickets, and the repositories each user can read. */
export async function createAccountTables(db: Kysely<unknown>): Promise<void> {
  await createUsers(db);
  await createKeysAndTickets(db);
  await createAccess(db);
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("users")
    .addColumn("id", key(db), primaryKey)
    .addColumn("login", "text", notNull)
    .addColumn("name", "text")
    .addColumn("avatar_url", "text")
    .addColumn("role", "text", notNull)
    .addColumn("created_ms", "bigint", notNull)
    .addColumn("signed_in_ms", "bigint", notNull)
    .addColumn("membership_checked_ms", "bigint", notNull)
    .addColumn("tokens", "text")
    .addColumn("tokens_version", "bigint", notNull)
    .execute();
  await createIndexes(db, "users", { users_by_login: "lower(login), id" });
  await db.schema.createTable("sessions")
    .addColumn("id", "text", primaryKey)
    .addColumn("user_id", "bigint", ownedBy("users.id"))
    .addColumn("created_ms", "bigint", notNull)
    .addColumn("last_used_ms", "bigint", notNull)
    .execute();
  await createIndexes(db, "sessions", { sessions_of_user: "user_id" });
}

async function createKeysAndTickets(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("api_keys")
    .addColumn("id", key(db, { isGenerated: true }), primaryKey)
    .addColumn("name", "text", notNull)
    .addColumn("prefix", "text", notNull)
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("scopes", "text", notNull)
    .addColumn("budget_cents", "bigint")
    .addColumn("created_ms", "bigint", notNull)
    .addColumn("expires_ms", "bigint")
    .addColumn("last_used_ms", "bigint")
    .addColumn("revoked_ms", "bigint")
    .execute();
  await db.schema.createTable("tickets")
    .addColumn("id", "text", primaryKey)
    .addColumn("session_id", "text", ownedBy("sessions.id", { isNullable: true }))
    .addColumn("api_key_id", "bigint", ownedBy("api_keys.id", { isNullable: true }))
    .addColumn("expires_ms", "bigint", notNull)
    .execute();
  await createIndexes(db, "tickets", { tickets_of_session: "session_id" });
}

async function createAccess(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("user_repositories")
    .addColumn("user_id", "bigint", ownedBy("users.id"))
    .addColumn("repository_id", "bigint", ownedBy("repositories.id"))
    .addColumn("can_read", "integer", notNull)
    .addColumn("checked_ms", "bigint", notNull)
    .addPrimaryKeyConstraint("user_repositories_key", ["user_id", "repository_id"])
    .execute();
  await createIndexes(db, "user_repositories", {
    user_repositories_of_repository: "repository_id",
  });
  await db.schema.createTable("previous_names")
    .addColumn("repository_id", "bigint", ownedBy("repositories.id"))
    .addColumn("name", "text", notNull)
    .addPrimaryKeyConstraint("previous_names_key", ["repository_id", "name"])
    .execute();
  await db.schema.createTable("access_epoch")
    .addColumn("id", key(db), primaryKey)
    .addColumn("epoch", "bigint", notNull)
    .execute();
  await sql`insert into access_epoch (id, epoch) values (1, 1)`.execute(db);
}
