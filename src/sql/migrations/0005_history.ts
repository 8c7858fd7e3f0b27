import { type Kysely, sql } from "kysely";
import { isPostgres, key } from "./key.ts";

/** Attempts and jobs of runs, and what the lists of runs are searched and sorted by. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createAttempts(db);
  await createJobs(db);
  await createIndexes(db);
  await (isPostgres(db) ? indexTitlesInPostgres(db) : indexTitlesInSqlite(db));
}

/** Filled from the runs that are kept already. */
async function createAttempts(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("run_attempts")
    .addColumn("run_id", "bigint", (column) => ofRun(column.notNull()))
    .addColumn("run_attempt", "bigint", (column) => column.notNull())
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("started_at", "text")
    .addColumn("started_ms", "bigint")
    .addColumn("updated_at", "text", (column) => column.notNull())
    .addColumn("updated_ms", "bigint", (column) => column.notNull())
    .addColumn("progress", "integer", (column) => column.notNull())
    .addPrimaryKeyConstraint("run_attempts_key", ["run_id", "run_attempt"])
    .execute();
  const startedMs = isPostgres(db)
    ? sql`round(extract(epoch from started_at::timestamptz) * 1000)::bigint`
    : sql`cast(round(unixepoch(started_at, 'subsec') * 1000) as integer)`;
  await sql`insert into run_attempts select id, run_attempt, status, conclusion, started_at,
    ${startedMs}, updated_at, updated_ms,
    case status when 'completed' then 2 when 'in_progress' then 1 else 0 end
    from workflow_runs`.execute(db);
}

async function createJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable("jobs")
    .addColumn("id", key(db), (column) => column.primaryKey())
    .addColumn("run_id", "bigint", (column) => ofRun(column.notNull()))
    .addColumn("run_attempt", "bigint", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("status", "text")
    .addColumn("conclusion", "text")
    .addColumn("created_at", "text")
    .addColumn("started_at", "text")
    .addColumn("started_ms", "bigint")
    .addColumn("completed_at", "text")
    .addColumn("completed_ms", "bigint")
    .addColumn("runner_name", "text")
    .addColumn("html_url", "text")
    .addColumn("progress", "integer", (column) => column.notNull())
    .addColumn("at_ms", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("jobs_of_run").on("jobs").columns(["run_id", "run_attempt", "id"])
    .execute();
}

function ofRun<C extends { references(ref: string): C; onDelete(action: "cascade"): C }>(
  column: C,
) {
  return column.references("workflow_runs.id").onDelete("cascade");
}

/** One for each filter of a list, in the list's order. GitHub tells names of repositories and people apart in any case. */
const INDEXES = {
  workflow_runs_with_status: "status, created_ms, id",
  workflow_runs_with_conclusion: "conclusion, created_ms, id",
  workflow_runs_of_event: "event, created_ms, id",
  workflow_runs_on_branch: "branch, created_ms, id",
  workflow_runs_of_actor: "lower(actor), created_ms, id",
  // These hold what else is asked for too, so that other filters are checked without a look at the runs themselves.
  workflow_runs_latest:
    "lower(repository), created_ms, id, status, conclusion, event, branch, actor",
  workflow_runs_of_workflow:
    "workflow_id, created_ms, id, status, conclusion, event, branch, actor",
  workflow_runs_created: "created_ms, id, status, conclusion, event, branch, actor",
};

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  for (const name of ["workflow_runs_latest", "workflow_runs_of_workflow"]) {
    await db.schema.dropIndex(name).execute();
  }
  for (const [name, columns] of Object.entries(INDEXES)) {
    await sql`create index ${sql.id(name)} on workflow_runs (${sql.raw(columns)})`.execute(db);
  }
}

/** https://sqlite.org/fts5.html#contentless_delete_tables; triggers keep it, as nothing else can forget to. */
async function indexTitlesInSqlite(db: Kysely<unknown>): Promise<void> {
  await sql`create virtual table run_titles using fts5(title, content='', contentless_delete=1,
    detail=none, prefix='1 2 3 4 5 6', tokenize="unicode61 remove_diacritics 0")`.execute(db);
  await sql`insert into run_titles (rowid, title)
    select id, substr(display_title, 1, 500) from workflow_runs order by id`.execute(db);
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

/** Without a dictionary: a word is what stands between anything but letters and digits. A lexeme has 2,046 bytes at most. */
async function indexTitlesInPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`alter table workflow_runs add column title_words tsvector not null generated always as (
    array_to_tsvector(array_remove(
      regexp_split_to_array(lower(left(display_title, 500)), '[^[:alnum:]]+'), ''))) stored`
    .execute(db);
  await sql`create index workflow_runs_titled on workflow_runs using gin (title_words)`.execute(db);
}
