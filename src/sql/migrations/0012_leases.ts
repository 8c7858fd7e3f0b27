import { type Kysely, sql } from "kysely";
import { isPostgres, key } from "./key.ts";

/** What instances over one database must agree on: its name, who polls, who has clients, and what their snapshots show. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("installation")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .execute();
  const name = isPostgres(db) ? sql`gen_random_uuid()::text` : sql`lower(hex(randomblob(16)))`;
  await sql`insert into installation (id, name) values (1, ${name})`.execute(db);
  await db.schema.createTable("leases")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("fence", "bigint", (column) => column.notNull())
    .addColumn("holder", "text")
    .addColumn("until_ms", "bigint", (column) => column.notNull())
    .execute();
  await sql`insert into leases (name, fence, until_ms) values ('poller', 0, 0)`.execute(db);
  await db.schema.createTable("presences")
    .addColumn("instance", "text", (column) => column.primaryKey())
    .addColumn("until_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createTable("pictures")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("repositories", "text", (column) => column.notNull())
    .addColumn("taken_ms", "bigint", (column) => column.notNull())
    .execute();
}
