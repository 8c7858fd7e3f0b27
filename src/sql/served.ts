import { sql } from "kysely";
import type { Db } from "./database.ts";

/** What PostgreSQL calls the connections of one that serves, by its schema; it knows a name by its first 63 bytes. */
const SERVING_APPLICATION_NAME = "left('runwire serve in ' || current_schema(), 63)";

/** Tells PostgreSQL, for as long as the connection is there, that it is one that serves. */
export const MARK_SERVING_SQL =
  `select set_config('application_name', ${SERVING_APPLICATION_NAME}, false)`;

/** Whether a Runwire serves from this schema of PostgreSQL. Every role may see the names of connections. */
export async function isServed(db: Db): Promise<boolean> {
  const { rows } = await sql`select 1 from pg_stat_activity
    where datname = current_database() and application_name = ${
    sql.raw(SERVING_APPLICATION_NAME)
  } limit 1`.execute(db);
  return rows.length > 0;
}
