import { type CreateTableBuilder, type Kysely, sql } from "kysely";
import { key } from "./key.ts";

/** Users, their sessions, keys of programs, tickets, and what users may read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createUsers(db);
  await createKeys(db);
  await createAccess(db);
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await bigints(db.schema.createTable("users"), ["created_ms", "signed_in_ms", "member_ms"])
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("login", "text", (column) => column.notNull())
    .addColumn("name", "text")
    .addColumn("avatar_url", "text")
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("tokens", "text")
    .addColumn("version", "bigint", (column) => column.notNull())
    .execute();
  await sql`create index users_by_login on users (lower(login), id)`.execute(db);
  await bigints(db.schema.createTable("sessions"), ["created_ms", "used_ms"])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn(
      "user_id",
      "bigint",
      (column) => column.notNull().references("users.id").onDelete("cascade"),
    )
    .execute();
  await db.schema.createIndex("sessions_of_user").on("sessions").column("user_id").execute();
}

async function createKeys(db: Kysely<unknown>): Promise<void> {
  await bigints(db.schema.createTable("api_keys"), ["created_ms"])
    .addColumn("id", key(db, { counted: true }), (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("prefix", "text", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("scopes", "text", (column) => column.notNull())
    .addColumn("budget_cents", "bigint")
    .addColumn("expires_ms", "bigint")
    .addColumn("used_ms", "bigint")
    .addColumn("revoked_ms", "bigint")
    .execute();
  await bigints(db.schema.createTable("tickets"), ["expires_ms"])
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn(
      "session_id",
      "text",
      (column) => column.references("sessions.id").onDelete("cascade"),
    )
    .addColumn("key_id", "bigint", (column) => column.references("api_keys.id").onDelete("cascade"))
    .execute();
  await db.schema.createIndex("tickets_of_session").on("tickets").column("session_id").execute();
}

async function createAccess(db: Kysely<unknown>): Promise<void> {
  await bigints(db.schema.createTable("user_repositories"), ["checked_ms"])
    .addColumn(
      "user_id",
      "bigint",
      (column) => column.notNull().references("users.id").onDelete("cascade"),
    )
    .addColumn(
      "repository_id",
      "bigint",
      (column) => column.notNull().references("repositories.id").onDelete("cascade"),
    )
    .addColumn("can_read", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("user_repositories_key", ["user_id", "repository_id"])
    .execute();
  await db.schema.createIndex("user_repositories_of_repository").on("user_repositories")
    .column("repository_id").execute();
  await db.schema.createTable("former_names")
    .addColumn(
      "repository_id",
      "bigint",
      (column) => column.notNull().references("repositories.id").onDelete("cascade"),
    )
    .addColumn("name", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("former_names_key", ["repository_id", "name"])
    .execute();
  await db.schema.createTable("access_epoch")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("n", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into access_epoch (id, n) values (1, 1)`.execute(db);
}

function bigints<T extends string, C extends string>(
  table: CreateTableBuilder<T, C>,
  names: readonly C[],
): CreateTableBuilder<T, C> {
  return names.reduce(
    (made, name) => made.addColumn(name, "bigint", (column) => column.notNull()),
    table,
  );
}
