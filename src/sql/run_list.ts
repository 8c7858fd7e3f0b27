import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_LISTED, type RunList, type RunQuery } from "../run/history.ts";
import { titleWords } from "../run/title.ts";
import type { Db } from "./database.ts";
import { created, type Filter, filtersOf, leaderOf } from "./run_filter.ts";
import { runOfRow } from "./run_row.ts";
import { titledRuns } from "./run_title.ts";

/**
 * One page of runs, and how many there are. One filter is answered from its index, in order. Of several, one leads and the
 * others are checked; where none can, SQLite reads the index by creation, which has what is to be checked, and PostgreSQL
 * plans by its statistics.
 */
export async function listRuns(
  db: Db,
  query: RunQuery,
  kind: "sqlite" | "postgres",
): Promise<RunList> {
  const words = (query.words ?? []).flatMap(titleWords);
  if (words.length > 0 && kind === "sqlite") return await listTitled(db, query, words);
  const filters = filtersOf(query);
  const { conditions, isCapped } = words.length > 0
    ? await titledBy(db, words, filters)
    : { conditions: await ledBy(db, query, { filters, kind }), isCapped: false };
  const all = conditions.reduce((runs, each) => runs.where(each), created(db, query));
  // By one filter in the order of its index, so that PostgreSQL does not gather all that it will not count.
  const counted = all.select(sql`1`.as("one")).limit(MAX_LISTED)
    .$if(
      filters.length < 2 && words.length === 0,
      (some) => some.orderBy("r.created_ms", query.direction).orderBy("r.id", query.direction),
    );
  const count = db.selectFrom(counted.as("some"))
    .select(({ fn }) => fn.countAll<number>().as("total"));
  const { offset, limit } = pageOf(query);
  // One statement for both, as each is sent to another thread or process.
  const isCounted = isCapped && filters.length === 0 && !hasSpan(query);
  const total = isCounted ? sql<number>`${sql.lit(MAX_LISTED)}` : count;
  const rows = await all.selectAll("r").select(total.as("total"))
    .orderBy("r.created_ms", query.direction).orderBy("r.id", query.direction)
    .offset(offset).limit(limit).execute();
  const [first = await count.executeTakeFirstOrThrow()] = rows;
  return { total: first.total ?? 0, runs: rows.map(runOfRow) };
}

async function ledBy(
  db: Db,
  query: RunQuery,
  { filters, kind }: { readonly filters: readonly Filter[]; readonly kind: string },
): Promise<readonly RawBuilder<SqlBool>[]> {
  const leader = filters.length < 2 ? filters[0] : (await leaderOf(db, query, filters))?.filter;
  if (!leader && kind === "postgres") return filters.map(({ driving }) => driving);
  return filters.map((each) => each === leader ? each.driving : each.checking);
}

/** Ids are read once, for the page and for the count. */
async function listTitled(db: Db, query: RunQuery, words: readonly string[]): Promise<RunList> {
  const all = await titledRuns(db, query, words);
  const { offset, limit } = pageOf(query);
  const ids = all.slice(offset, offset + limit);
  const rows = await db.selectFrom("workflow_runs").selectAll().where("id", "in", ids).execute();
  const runs = new Map(rows.map((row) => [row.id, runOfRow(row)]));
  return { total: all.length, runs: ids.flatMap((id) => runs.get(id) ?? []) };
}

/**
 * Words that few titles have are looked up first: PostgreSQL takes every beginning of a word for one that many have, and would
 * go through all runs for it.
 */
async function titledBy(
  db: Db,
  words: readonly string[],
  filters: readonly Filter[],
): Promise<{ readonly conditions: readonly RawBuilder<SqlBool>[]; readonly isCapped: boolean }> {
  const lookUp = async (tx: Db) => {
    for (const other of ["seqscan", "indexscan"]) {
      await sql`set local ${sql.raw(`enable_${other}`)} = off`.execute(tx);
    }
    return await tx.selectFrom("workflow_runs as r").select("r.id").where(inPostgres(words))
      .limit(MAX_LISTED).execute();
  };
  const ids = await (db.isTransaction ? lookUp(db) : db.transaction().execute(lookUp));
  if (ids.length === MAX_LISTED) {
    const conditions = [...filters.map(({ driving }) => driving), inPostgres(words)];
    return { conditions, isCapped: true };
  }
  const found = sql<SqlBool>`r.id = any(${ids.map(({ id }) => id)}::bigint[])`;
  return { conditions: [...filters.map(({ checking }) => checking), found], isCapped: false };
}

function hasSpan({ createdFrom, createdBefore }: RunQuery): boolean {
  return createdFrom !== undefined || createdBefore !== undefined;
}

/** The words are letters and digits, so that nothing in them needs to be quoted. */
function inPostgres(words: readonly string[]): RawBuilder<SqlBool> {
  const every = words.map((word) => `${word}:*`).join(" & ");
  return sql`r.title_words @@ lower(${every})::tsquery`;
}

/** Nothing lies beyond MAX_LISTED. */
function pageOf({ page, perPage }: RunQuery): { readonly offset: number; readonly limit: number } {
  const offset = Math.min((page - 1) * perPage, MAX_LISTED);
  return { offset, limit: Math.min(perPage, MAX_LISTED - offset) };
}
