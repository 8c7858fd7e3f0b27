import { type Kysely, sql } from "kysely";
import { isPostgres } from "../../clauses.ts";
import { createIndexes, key, notNull, ownedBy, primaryKey } from "../columns.ts";

/** Runs with their attempts and jobs, and the word index of their titles. */
export async function createRunTables(db: Kysely<unknown>): Promise<void> {
  await createRuns(db);
  await createAttempts(db);
  await createJobs(db);
  await (isPostgres(db) ? indexTitlesInPostgres(db) : indexTitlesInSqlite(db));
}

/** A run can be stored before its repository, so it holds the repository's name. */
async function createRuns(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("workflow_runs")
    .addColumn("id", key(db), primaryKey)
    .addColumn("repository", "text", notNull)
    .addColumn("workflow_id", "bigint", (column) => column.notNull().references("workflows.id"))
    .addColumn("workflow_name", "text", notNull)
    .addColumn("display_title", "text", notNull)
    .addColumn("event", "text", notNull)
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("branch", "text")
    .addColumn("head_sha", "text", notNull)
    .addColumn("actor", "text")
    .addColumn("run_number", "bigint", notNull)
    .addColumn("run_attempt", "bigint", notNull)
    .addColumn("created_at", "text", notNull)
    .addColumn("created_ms", "bigint", notNull)
    .addColumn("started_at", "text")
    .addColumn("updated_at", "text", notNull)
    .addColumn("updated_ms", "bigint", notNull)
    .addColumn("html_url", "text", notNull)
    .addColumn("source", "text", notNull)
    .addColumn("is_unfinished", "integer", notNull)
    .execute();
  // A filter's index covers the other filters' columns too, so that they are checked without reading the runs.
  const covered = "created_ms, id, status, conclusion, event, branch, actor";
  // An index-only scan of PostgreSQL needs the plain column beside an expression:
  // https://www.postgresql.org/docs/current/indexes-index-only-scans.html
  const include = (column: string) => isPostgres(db) ? `include (${column})` : "";
  await createIndexes(db, "workflow_runs", {
    workflow_runs_unfinished: "is_unfinished, updated_ms, id",
    // One index for each filter of a list, in the order of the list. GitHub compares names of repositories and users
    // without regard to case.
    workflow_runs_with_status: "status, created_ms, id",
    workflow_runs_with_conclusion: "conclusion, created_ms, id",
    workflow_runs_of_event: "event, created_ms, id",
    workflow_runs_on_branch: "branch, created_ms, id",
    workflow_runs_of_actor: ["lower(actor), created_ms, id", include("actor")],
    workflow_runs_latest: [`lower(repository), ${covered}`, include("repository")],
    workflow_runs_of_workflow: `workflow_id, ${covered}`,
    workflow_runs_created: covered,
  });
}

async function createAttempts(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("run_attempts")
    .addColumn("run_id", "bigint", ownedBy("workflow_runs.id"))
    .addColumn("run_attempt", "bigint", notNull)
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("started_at", "text")
    .addColumn("started_ms", "bigint")
    .addColumn("updated_at", "text", notNull)
    .addColumn("updated_ms", "bigint", notNull)
    .addColumn("status_rank", "integer", notNull)
    .addPrimaryKeyConstraint("run_attempts_key", ["run_id", "run_attempt"])
    .execute();
}

async function createJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("jobs")
    .addColumn("id", key(db), primaryKey)
    .addColumn("run_id", "bigint", ownedBy("workflow_runs.id"))
    .addColumn("run_attempt", "bigint", notNull)
    .addColumn("name", "text", notNull)
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("created_at", "text")
    .addColumn("started_at", "text")
    .addColumn("started_ms", "bigint")
    .addColumn("completed_at", "text")
    .addColumn("completed_ms", "bigint")
    .addColumn("runner_name", "text")
    .addColumn("html_url", "text")
    .addColumn("status_rank", "integer", notNull)
    .addColumn("observed_ms", "bigint", notNull)
    .execute();
  await createIndexes(db, "jobs", { jobs_of_run: "run_id, run_attempt, id" });
}

/** https://sqlite.org/fts5.html#contentless_delete_tables; triggers keep it in step with the runs. */
async function indexTitlesInSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`create virtual table run_titles using fts5(title, content='', contentless_delete=1,
    detail=none, prefix='1 2 3 4 5 6', tokenize="unicode61 remove_diacritics 0")`.execute(db);
  await sql`create trigger run_titles_insert after insert on workflow_runs begin
    insert into run_titles (rowid, title) values (new.id, substr(new.display_title, 1, 500));
  end`.execute(db);
  await sql`create trigger run_titles_update after update of display_title on workflow_runs
    when new.display_title <> old.display_title begin
    update run_titles set title = substr(new.display_title, 1, 500) where rowid = new.id;
  end`.execute(db);
  await sql`create trigger run_titles_delete after delete on workflow_runs begin
    delete from run_titles where rowid = old.id;
  end`.execute(db);
}

/**
 * Words are maximal sequences of letters and digits; no dictionary is used. The title is cut because a lexeme has at most
 * 2,046 bytes.
 */
async function indexTitlesInPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`alter table workflow_runs add column title_words tsvector not null generated always as (
    array_to_tsvector(array_remove(
      regexp_split_to_array(lower(left(display_title, 500)), '[^[:alnum:]]+'), ''))) stored`
    .execute(db);
  await sql`create index workflow_runs_by_title_words on workflow_runs using gin (title_words)`
    .execute(db);
}
