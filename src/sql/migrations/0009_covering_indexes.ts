import { type Kysely, sql } from "kysely";
import { isPostgres } from "./key.ts";

/**
 * PostgreSQL reads an index alone only where it has the column itself beside what is computed from it:
 * https://www.postgresql.org/docs/current/indexes-index-only-scans.html
 */
const INDEXES = {
  workflow_runs_of_actor: "(lower(actor), created_ms, id) include (actor)",
  workflow_runs_latest:
    "(lower(repository), created_ms, id, status, conclusion, event, branch, actor) include (repository)",
};

/** With all that is added up, so that the runs of a year on a branch are not looked up one by one. */
const OFF_DEFAULT = `other_branch, created_ms, workflow_id, verdict, duration_ms, queue_ms, reruns,
  minutes, is_flaky, recovery_ms`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("run_facts_off_default").execute();
  await sql`create index run_facts_off_default on run_facts (${sql.raw(OFF_DEFAULT)})
    where other_branch is not null`.execute(db);
  if (!isPostgres(db)) return;
  for (const [name, columns] of Object.entries(INDEXES)) {
    await db.schema.dropIndex(name).execute();
    await sql`create index ${sql.id(name)} on workflow_runs ${sql.raw(columns)}`.execute(db);
  }
}
