import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_COUNTED_RUNS, type RunList, type RunQuery } from "../run/history.ts";
import { tokenizeTitle } from "../run/title_search.ts";
import type { Db } from "./database.ts";
import { type Filter, filtersOf, isOrdered, leaderOf, runsWhere, spanOf } from "./run_filter.ts";
import { runOfRow, type RunRow, RUNS } from "./run_row.ts";
import { titledRuns } from "./run_title.ts";
import { listOfEach } from "./run_visible.ts";

type Conditions = readonly RawBuilder<SqlBool>[];
type Row = RunRow & { readonly total: number };

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
  const words = (query.words ?? []).flatMap(tokenizeTitle);
  if (words.length > 0 && kind === "sqlite") return await listTitled(db, query, words);
  const filters = filtersOf(db, query);
  const isAlone = filters.length === 1 && !isOrdered(filters) && words.length === 0;
  const list = isAlone ? await listOfEach(db, query, boundsOf(query)) : undefined;
  if (list) return list;
  const { conditions, isCapped } = words.length > 0
    ? await titledBy(db, query, { words, filters })
    : { conditions: await ledBy(db, query, { filters, kind }), isCapped: false };
  const span = spanOf(query);
  const all = [...span, ...conditions];
  if (isCapped && filters.length === 0 && span.length === 0) {
    return await pageInOrder(db, query, { all, total: sql`${sql.lit(MAX_COUNTED_RUNS)}` });
  }
  return isOrdered(filters) && words.length === 0
    ? await pageInOrder(db, query, { all, total: countInOrder(all, query) })
    : await pageOfFound(db, { ...query, kind }, all);
}

/** Of runs that an index has in order. One statement for the page and the count: each is sent to another thread or process. */
async function pageInOrder(
  db: Db,
  query: RunQuery,
  { all, total }: { readonly all: Conditions; readonly total: RawBuilder<unknown> },
): Promise<RunList> {
  const { rows } = await sql<Row>`select ${RUNS}, ${total} as total
    ${runsWhere(all)} ${orderOf(query)} ${pageOf(query)}`.execute(db);
  return { total: rows[0]?.total ?? await totalOf(db, total), runs: rows.map(runOfRow) };
}

/** To step over runs in order is a quarter of the work of counting them. */
function countInOrder(all: Conditions, query: RunQuery): RawBuilder<unknown> {
  return sql`coalesce(
    (select ${sql.lit(MAX_COUNTED_RUNS)} ${runsWhere(all)} ${orderOf(query)}
      limit 1 offset ${sql.lit(MAX_COUNTED_RUNS - 1)}),
    (select count(*) ${runsWhere(all)}))`;
}

/** Of runs that are to be looked for: that is done once, for the page and the count. */
async function pageOfFound(
  db: Db,
  query: RunQuery & { readonly kind: "sqlite" | "postgres" },
  all: Conditions,
): Promise<RunList> {
  const order = orderOf(query);
  const found = sql`with found as materialized (select r.id, r.created_ms
    ${runsWhere(all)} ${order} limit ${sql.lit(MAX_COUNTED_RUNS)})`;
  const page = sql`(select r.id from found r ${order} ${pageOf(query)})`;
  // A list PostgreSQL looks up one by one, whatever it thinks of their number.
  const isOnPage = query.kind === "sqlite" ? sql`in ${page}` : sql`= any(array${page})`;
  const total = sql`(select count(*) from found)`;
  const { rows } = await sql<Row>`${found} select ${RUNS}, ${total} as total
    from workflow_runs r where r.id ${isOnPage} ${order}`.execute(db);
  return {
    total: rows[0]?.total ?? await totalOf(db, total, found),
    runs: rows.map(runOfRow),
  };
}

/** For a page beyond the last, on which no run can tell. */
async function totalOf(db: Db, total: RawBuilder<unknown>, found = sql``): Promise<number> {
  const { rows } = await sql<{ total: number }>`${found} select ${total} as total`.execute(db);
  return rows[0]?.total ?? 0;
}

function orderOf({ direction }: RunQuery): RawBuilder<unknown> {
  return sql`order by r.created_ms ${sql.raw(direction)}, r.id ${sql.raw(direction)}`;
}

async function ledBy(
  db: Db,
  query: RunQuery,
  { filters, kind }: { readonly filters: readonly Filter[]; readonly kind: string },
): Promise<readonly RawBuilder<SqlBool>[]> {
  const leader = isOrdered(filters) ? filters[0] : (await leaderOf(db, query, filters))?.filter;
  if (!leader && kind === "postgres") return filters.map(({ driving }) => driving);
  return filters.map((each) => each === leader ? each.driving : each.checking);
}

/** Ids are read once, for the page and for the count. */
async function listTitled(db: Db, query: RunQuery, words: readonly string[]): Promise<RunList> {
  const all = await titledRuns(db, query, words);
  const { offset, limit } = boundsOf(query);
  const ids = all.slice(offset, offset + limit);
  const { rows } = await sql<Row>`select ${RUNS} ${runsWhere([sql`r.id in (${sql.join(ids)})`])}`
    .execute(db);
  const runs = new Map(rows.map((row) => [row.id, runOfRow(row)]));
  return { total: all.length, runs: ids.flatMap((id) => runs.get(id) ?? []) };
}

/**
 * With a narrow filter the titles of its runs are read. Else words that few titles have are looked up first: PostgreSQL takes
 * every beginning of a word for one that many have, and would go through all runs for it.
 */
async function titledBy(
  db: Db,
  query: RunQuery,
  { words, filters }: { readonly words: readonly string[]; readonly filters: readonly Filter[] },
): Promise<{ readonly conditions: readonly RawBuilder<SqlBool>[]; readonly isCapped: boolean }> {
  const leader = await leaderOf(db, query, filters);
  if (leader?.runs !== undefined) {
    const others = filters.filter((each) => each !== leader.filter);
    const titled = inPostgres(sql`coalesce(r.title_words, r.title_words)`, words);
    const conditions = [leader.filter.driving, ...others.map(({ checking }) => checking), titled];
    return { conditions, isCapped: false };
  }
  const titled = inPostgres(sql`r.title_words`, words);
  const lookUp = async (tx: Db) => {
    for (const other of ["seqscan", "indexscan"]) {
      await sql`set local ${sql.raw(`enable_${other}`)} = off`.execute(tx);
    }
    const { rows } = await sql<{ id: number }>`select r.id ${runsWhere([titled])}
      limit ${sql.lit(MAX_COUNTED_RUNS)}`.execute(tx);
    return rows;
  };
  const ids = await (db.isTransaction ? lookUp(db) : db.transaction().execute(lookUp));
  if (ids.length === MAX_COUNTED_RUNS) {
    const conditions = [...filters.map(({ driving }) => driving), titled];
    return { conditions, isCapped: true };
  }
  const found = sql<SqlBool>`r.id = any(${ids.map(({ id }) => id)}::bigint[])`;
  return { conditions: [...filters.map(({ checking }) => checking), found], isCapped: false };
}

/** The words are letters and digits, so that nothing in them needs to be quoted. */
function inPostgres(column: RawBuilder<unknown>, words: readonly string[]): RawBuilder<SqlBool> {
  const every = words.map((word) => `${word}:*`).join(" & ");
  return sql`${column} @@ lower(${every})::tsquery`;
}

function pageOf(query: RunQuery): RawBuilder<unknown> {
  const { offset, limit } = boundsOf(query);
  return sql`limit ${limit} offset ${offset}`;
}

/** Nothing lies beyond MAX_LISTED. */
function boundsOf({ page, perPage }: RunQuery): {
  readonly offset: number;
  readonly limit: number;
} {
  const offset = Math.min((page - 1) * perPage, MAX_COUNTED_RUNS);
  return { offset, limit: Math.min(perPage, MAX_COUNTED_RUNS - offset) };
}
