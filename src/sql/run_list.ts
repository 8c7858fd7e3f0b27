import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_LISTED, type RunList, type RunQuery } from "../run/history.ts";
import { titleWords } from "../run/title.ts";
import type { Db } from "./database.ts";
import { created, type Filter, filtersOf, narrowest } from "./run_filter.ts";
import { runOfRow } from "./run_row.ts";

type Kind = "sqlite" | "postgres";

/**
 * One page of runs, and how many there are. One filter is answered from its index, in order. Of several, the narrowest leads
 * and the others are checked; where all are broad, SQLite reads the index by creation, which has what is to be checked, and
 * PostgreSQL plans by its statistics.
 */
export async function listRuns(db: Db, query: RunQuery, kind: Kind): Promise<RunList> {
  const words = (query.words ?? []).flatMap(titleWords);
  if (words.length > 0 && kind === "sqlite") return await listTitled(db, query, words);
  const filters = filtersOf(query);
  const conditions = words.length > 0
    ? [...driving(filters), inPostgres(words)]
    : await lead(db, query, { filters, kind });
  const all = conditions.reduce((runs, each) => runs.where(each), created(db, query));
  const { total } = await db
    .selectFrom(all.select(sql`1`.as("one")).limit(MAX_LISTED).as("some"))
    .select(({ fn }) => fn.countAll<number>().as("total")).executeTakeFirstOrThrow();
  const { offset, limit } = pageOf(query);
  if (offset >= total) return { total, runs: [] };
  const rows = await all.selectAll("r")
    .orderBy("r.created_ms", query.direction).orderBy("r.id", query.direction)
    .offset(offset).limit(limit).execute();
  return { total, runs: rows.map(runOfRow) };
}

async function lead(
  db: Db,
  query: RunQuery,
  { filters, kind }: { readonly filters: readonly Filter[]; readonly kind: Kind },
): Promise<readonly RawBuilder<SqlBool>[]> {
  if (filters.length < 2) return driving(filters);
  const leader = await narrowest(db, query, filters);
  if (!leader && kind === "postgres") return driving(filters);
  return filters.map((each) => each === leader ? each.driving : each.checking);
}

/**
 * SQLite's index of titles goes by the runs' ids, which GitHub counts up as it creates them: the list does the same. Ids are
 * read once, for the page and for the count.
 */
async function listTitled(db: Db, query: RunQuery, words: readonly string[]): Promise<RunList> {
  const filters = filtersOf(query);
  const leader = await narrowest(db, query, filters);
  const match = sql<SqlBool>`run_titles match ${words.map((word) => `"${word}"*`).join(" ")}`;
  const order = sql.raw(query.direction);
  const conditions = filters.map((each) => each === leader ? each.driving : each.checking);
  const { createdFrom, createdBefore } = query;
  if (createdFrom !== undefined) conditions.push(sql`+r.created_ms >= ${createdFrom}`);
  if (createdBefore !== undefined) conditions.push(sql`+r.created_ms < ${createdBefore}`);
  const others = sql.join([sql`1`, ...conditions], sql` and `);
  const all = leader
    ? sql<{ id: number }>`select r.id from workflow_runs r where ${others}
        and +r.id in (select rowid from run_titles where ${match})
        order by +r.id ${order} limit ${MAX_LISTED}`
    : conditions.length > 0
    ? sql<
      { id: number }
    >`select r.id from run_titles cross join workflow_runs r on r.id = run_titles.rowid
        where ${match} and ${others} order by run_titles.rowid ${order} limit ${MAX_LISTED}`
    : sql<{ id: number }>`select rowid as id from run_titles where ${match}
        order by rowid ${order} limit ${MAX_LISTED}`;
  const { rows } = await all.execute(db);
  const { offset, limit } = pageOf(query);
  const ids = rows.slice(offset, offset + limit).map(({ id }) => id);
  const runs = await db.selectFrom("workflow_runs").selectAll().where("id", "in", ids)
    .orderBy("id", query.direction).execute();
  return { total: rows.length, runs: runs.map(runOfRow) };
}

/** The words are letters and digits, so that nothing in them needs to be quoted. */
function inPostgres(words: readonly string[]): RawBuilder<SqlBool> {
  const every = words.map((word) => `${word}:*`).join(" & ");
  return sql`r.title_words @@ lower(${every})::tsquery`;
}

function driving(filters: readonly Filter[]): readonly RawBuilder<SqlBool>[] {
  return filters.map((each) => each.driving);
}

/** Nothing lies beyond MAX_LISTED. */
function pageOf({ page, perPage }: RunQuery): { readonly offset: number; readonly limit: number } {
  const offset = Math.min((page - 1) * perPage, MAX_LISTED);
  return { offset, limit: Math.min(perPage, MAX_LISTED - offset) };
}
