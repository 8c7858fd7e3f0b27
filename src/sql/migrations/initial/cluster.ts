import { type Kysely, sql } from "kysely";
import { isPostgres } from "../../clauses.ts";
import { key, notNull, primaryKey } from "../columns.ts";

/** The state that instances over one database share. */
export async function createClusterTables(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("installation")
    .addColumn("id", key(db), primaryKey)
    .addColumn("name", "text", notNull)
    .execute();
  const name = isPostgres(db) ? sql`gen_random_uuid()::text` : sql`lower(hex(randomblob(16)))`;
  await sql`insert into installation (id, name) values (1, ${name})`.execute(db);
  await db.schema.createTable("leases")
    .addColumn("name", "text", primaryKey)
    .addColumn("fencing_token", "bigint", notNull)
    .addColumn("holder", "text")
    .addColumn("expires_ms", "bigint", notNull)
    .execute();
  await sql`insert into leases (name, fencing_token, expires_ms) values ('poller', 0, 0)`
    .execute(db);
  await db.schema.createTable("presences")
    .addColumn("instance", "text", primaryKey)
    .addColumn("expires_ms", "bigint", notNull)
    .execute();
  await db.schema.createTable("shared_snapshot")
    .addColumn("id", key(db), primaryKey)
    .addColumn("repositories", "text", notNull)
    .addColumn("built_ms", "bigint", notNull)
    .execute();
}
