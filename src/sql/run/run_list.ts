import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_COUNTED_RUNS, type RunList, type RunQuery } from "../../run/history.ts";
import { tokenizeTitle } from "../../run/title_search.ts";
import type { Db } from "../handles.ts";
import {
  chooseDriver,
  createdConditions,
  fromRunsWhere,
  isOrdered,
  type RunCondition,
  toRunConditions,
} from "./run_filter.ts";
import { RUN_COLUMNS, type RunRow, toRun } from "./run_row.ts";
import { searchTitles } from "./title_search.ts";
import { mergePerRepository } from "./run_list_visible.ts";

type SqlConditions = readonly RawBuilder<SqlBool>[];
type RowWithTotal = RunRow & { readonly total: number };

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
  if (words.length > 0 && kind === "sqlite") return await listByTitle(db, query, words);
  const runConditions = toRunConditions(db, query);
  const isVisibilityOnly = runConditions.length === 1 && !isOrdered(runConditions) &&
    words.length === 0;
  const list = isVisibilityOnly
    ? await mergePerRepository(db, query, pageBounds(query))
    : undefined;
  if (list) return list;
  const { conditions, isCapped } = words.length > 0
    ? await titleConditions(db, query, { words, runConditions })
    : { conditions: await drivenBy(db, query, { runConditions, kind }), isCapped: false };
  const createdRange = createdConditions(query);
  const all = [...createdRange, ...conditions];
  if (isCapped && runConditions.length === 0 && createdRange.length === 0) {
    return await pageByIndex(db, query, { all, total: sql`${sql.lit(MAX_COUNTED_RUNS)}` });
  }
  return isOrdered(runConditions) && words.length === 0
    ? await pageByIndex(db, query, { all, total: countByIndex(all, query) })
    : await pageByIdSet(db, { ...query, kind }, all);
}

/** Of runs that an index has in order. One statement for the page and the count: each is sent to another thread or process. */
async function pageByIndex(
  db: Db,
  query: RunQuery,
  { all, total }: { readonly all: SqlConditions; readonly total: RawBuilder<unknown> },
): Promise<RunList> {
  const { rows } = await sql<RowWithTotal>`select ${RUN_COLUMNS}, ${total} as total
    ${fromRunsWhere(all)} ${orderClause(query)} ${limitOffsetClause(query)}`.execute(db);
  return { total: rows[0]?.total ?? await readTotal(db, total), runs: rows.map(toRun) };
}

/** To step over runs in order is a quarter of the work of counting them. */
function countByIndex(all: SqlConditions, query: RunQuery): RawBuilder<unknown> {
  return sql`coalesce(
    (select ${sql.lit(MAX_COUNTED_RUNS)} ${fromRunsWhere(all)} ${orderClause(query)}
      limit 1 offset ${sql.lit(MAX_COUNTED_RUNS - 1)}),
    (select count(*) ${fromRunsWhere(all)}))`;
}

/** Of runs that are to be looked for: that is done once, for the page and the count. */
async function pageByIdSet(
  db: Db,
  query: RunQuery & { readonly kind: "sqlite" | "postgres" },
  all: SqlConditions,
): Promise<RunList> {
  const order = orderClause(query);
  const cte = sql`with found as materialized (select r.id, r.created_ms
    ${fromRunsWhere(all)} ${order} limit ${sql.lit(MAX_COUNTED_RUNS)})`;
  const page = sql`(select r.id from found r ${order} ${limitOffsetClause(query)})`;
  // A list PostgreSQL looks up one by one, whatever it thinks of their number.
  const isOnPage = query.kind === "sqlite" ? sql`in ${page}` : sql`= any(array${page})`;
  const total = sql`(select count(*) from found)`;
  const { rows } = await sql<RowWithTotal>`${cte} select ${RUN_COLUMNS}, ${total} as total
    from workflow_runs r where r.id ${isOnPage} ${order}`.execute(db);
  return {
    total: rows[0]?.total ?? await readTotal(db, total, cte),
    runs: rows.map(toRun),
  };
}

/** For a page beyond the last, on which no run can tell. */
async function readTotal(db: Db, total: RawBuilder<unknown>, cte = sql``): Promise<number> {
  const { rows } = await sql<{ total: number }>`${cte} select ${total} as total`.execute(db);
  return rows[0]?.total ?? 0;
}

function orderClause({ direction }: RunQuery): RawBuilder<unknown> {
  return sql`order by r.created_ms ${sql.raw(direction)}, r.id ${sql.raw(direction)}`;
}

async function drivenBy(
  db: Db,
  query: RunQuery,
  { runConditions, kind }: {
    readonly runConditions: readonly RunCondition[];
    readonly kind: string;
  },
): Promise<readonly RawBuilder<SqlBool>[]> {
  const driver = isOrdered(runConditions)
    ? runConditions[0]
    : (await chooseDriver(db, query, runConditions))?.condition;
  if (!driver && kind === "postgres") {
    return runConditions.map(({ indexCondition: driving }) => driving);
  }
  return runConditions.map((each) => each === driver ? each.indexCondition : each.recheckCondition);
}

/** Ids are read once, for the page and for the count. */
async function listByTitle(db: Db, query: RunQuery, words: readonly string[]): Promise<RunList> {
  const all = await searchTitles(db, query, words);
  const { offset, limit } = pageBounds(query);
  const ids = all.slice(offset, offset + limit);
  const { rows } = await sql<RowWithTotal>`select ${RUN_COLUMNS} ${
    fromRunsWhere([sql`r.id in (${sql.join(ids)})`])
  }`
    .execute(db);
  const runs = new Map(rows.map((row) => [row.id, toRun(row)]));
  return { total: all.length, runs: ids.flatMap((id) => runs.get(id) ?? []) };
}

/**
 * With a narrow filter the titles of its runs are read. Else words that few titles have are looked up first: PostgreSQL takes
 * every beginning of a word for one that many have, and would go through all runs for it.
 */
async function titleConditions(
  db: Db,
  query: RunQuery,
  { words, runConditions }: {
    readonly words: readonly string[];
    readonly runConditions: readonly RunCondition[];
  },
): Promise<{ readonly conditions: readonly RawBuilder<SqlBool>[]; readonly isCapped: boolean }> {
  const driver = await chooseDriver(db, query, runConditions);
  if (driver?.runs !== undefined) {
    const rest = runConditions.filter((each) => each !== driver.condition);
    const titleMatch = matchTitleWords(sql`coalesce(r.title_words, r.title_words)`, words);
    const conditions = [
      driver.condition.indexCondition,
      ...rest.map(({ recheckCondition: checking }) => checking),
      titleMatch,
    ];
    return { conditions, isCapped: false };
  }
  const titleMatch = matchTitleWords(sql`r.title_words`, words);
  const selectMatchingIds = async (tx: Db) => {
    for (const planNode of ["seqscan", "indexscan"]) {
      await sql`set local ${sql.raw(`enable_${planNode}`)} = off`.execute(tx);
    }
    const { rows } = await sql<{ id: number }>`select r.id ${fromRunsWhere([titleMatch])}
      limit ${sql.lit(MAX_COUNTED_RUNS)}`.execute(tx);
    return rows;
  };
  const ids =
    await (db.isTransaction ? selectMatchingIds(db) : db.transaction().execute(selectMatchingIds));
  if (ids.length === MAX_COUNTED_RUNS) {
    const conditions = [...runConditions.map(({ indexCondition: driving }) => driving), titleMatch];
    return { conditions, isCapped: true };
  }
  const idCondition = sql<SqlBool>`r.id = any(${ids.map(({ id }) => id)}::bigint[])`;
  return {
    conditions: [...runConditions.map(({ recheckCondition: checking }) => checking), idCondition],
    isCapped: false,
  };
}

/** The words are letters and digits, so that nothing in them needs to be quoted. */
function matchTitleWords(
  column: RawBuilder<unknown>,
  words: readonly string[],
): RawBuilder<SqlBool> {
  const tsquery = words.map((word) => `${word}:*`).join(" & ");
  return sql`${column} @@ lower(${tsquery})::tsquery`;
}

function limitOffsetClause(query: RunQuery): RawBuilder<unknown> {
  const { offset, limit } = pageBounds(query);
  return sql`limit ${limit} offset ${offset}`;
}

/** Nothing lies beyond MAX_LISTED. */
function pageBounds({ page, perPage }: RunQuery): {
  readonly offset: number;
  readonly limit: number;
} {
  const offset = Math.min((page - 1) * perPage, MAX_COUNTED_RUNS);
  return { offset, limit: Math.min(perPage, MAX_COUNTED_RUNS - offset) };
}
