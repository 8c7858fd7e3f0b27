import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_COUNTED_RUNS, type RunList, type RunQuery } from "../../run/history.ts";
import { tokenizeTitle } from "../../run/title_search.ts";
import type { DatabaseKind, Db } from "../handles.ts";
import {
  chooseDriver,
  createdConditions,
  fromRunsWhere,
  isOrdered,
  type RunCondition,
  toRunConditions,
} from "./run_filter.ts";
import { mergePerRepository } from "./run_list_visible.ts";
import { RUN_COLUMNS, type RunRow, toRun } from "./run_row.ts";
import { searchTitles, titleConditions } from "./title_search.ts";

type Conditions = readonly RawBuilder<SqlBool>[];
type RowWithTotal = RunRow & { readonly total: number };

/**
 * Lists a page of runs with their total number, both up to MAX_COUNTED_RUNS. The first strategy whose condition holds:
 *
 * - Title search (`listByTitle`): title words, in SQLite. The full-text index has no other column, so it finds the IDs of the
 *   matching runs, and only the runs on the page are read.
 * - Title words in PostgreSQL (`listByTitleWords`): the word index is one condition among others. If too many titles match to
 *   look them up and nothing else is filtered, index order; otherwise ID set.
 * - Index order (`pageByIndex`): at most one filter. Each filter has an index in the order of the list, so that the page and
 *   the count step along it.
 * - Per-repository merge (`mergePerRepository`): only the visibility filters, and the page is not far from the start. The
 *   index has the runs of each visible repository in order, but not of all together, so the first runs of each are merged.
 * - ID set (`pageByIdSet`): everything else. The matching IDs are found once, for the page and the count: from the index of
 *   the filter that the fewest runs meet, and the other filters are checked. If all are met by many runs, from an index that
 *   covers the others; without one, SQLite scans the covering index of creation and PostgreSQL's planner chooses.
 */
export async function listRuns(db: Db, query: RunQuery, kind: DatabaseKind): Promise<RunList> {
  const words = (query.words ?? []).flatMap(tokenizeTitle);
  if (words.length > 0) {
    return kind === "sqlite"
      ? await listByTitle(db, query, words)
      : await listByTitleWords(db, query, words);
  }
  const conditions = toRunConditions(db, query);
  if (isOrdered(conditions)) {
    const all = [
      ...createdConditions(query),
      ...conditions.map(({ indexCondition }) => indexCondition),
    ];
    return await pageByIndex(db, query, { all, total: countByIndex(all, query) });
  }
  const isVisibilityOnly = conditions.length === 1;
  const merged = isVisibilityOnly
    ? await mergePerRepository(db, query, pageBounds(query))
    : undefined;
  if (merged) return merged;
  const driven = await drivenConditions(db, query, { conditions, kind });
  return await pageByIdSet(db, { ...query, kind }, [...createdConditions(query), ...driven]);
}

/** The IDs are read once, for the page and the count. */
async function listByTitle(db: Db, query: RunQuery, words: readonly string[]): Promise<RunList> {
  const all = await searchTitles(db, query, words);
  const { offset, limit } = pageBounds(query);
  const ids = all.slice(offset, offset + limit);
  const { rows } = await sql<RunRow>`select ${RUN_COLUMNS} ${
    fromRunsWhere([sql`r.id in (${sql.join(ids)})`])
  }`.execute(db);
  const runs = new Map(rows.map((row) => [row.id, toRun(row)]));
  return { total: all.length, runs: ids.flatMap((id) => runs.get(id) ?? []) };
}

async function listByTitleWords(
  db: Db,
  query: RunQuery,
  words: readonly string[],
): Promise<RunList> {
  const runConditions = toRunConditions(db, query);
  const { conditions, isCapped } = await titleConditions(db, query, { words, runConditions });
  const createdRange = createdConditions(query);
  const all = [...createdRange, ...conditions];
  return isCapped && runConditions.length === 0 && createdRange.length === 0
    ? await pageByIndex(db, query, { all, total: sql`${sql.lit(MAX_COUNTED_RUNS)}` })
    : await pageByIdSet(db, { ...query, kind: "postgres" }, all);
}

/** One statement for the page and the count, because each statement is sent to another thread or process. */
async function pageByIndex(
  db: Db,
  query: RunQuery,
  { all, total }: { readonly all: Conditions; readonly total: RawBuilder<unknown> },
): Promise<RunList> {
  const { rows } = await sql<RowWithTotal>`select ${RUN_COLUMNS}, ${total} as total
    ${fromRunsWhere(all)} ${orderClause(query)} ${limitOffsetClause(query)}`.execute(db);
  return { total: rows[0]?.total ?? await readTotal(db, total), runs: rows.map(toRun) };
}

/** Skipping runs in order takes a quarter of the time of counting them. */
function countByIndex(all: Conditions, query: RunQuery): RawBuilder<unknown> {
  return sql`coalesce(
    (select ${sql.lit(MAX_COUNTED_RUNS)} ${fromRunsWhere(all)} ${orderClause(query)}
      limit 1 offset ${sql.lit(MAX_COUNTED_RUNS - 1)}),
    (select count(*) ${fromRunsWhere(all)}))`;
}

async function pageByIdSet(
  db: Db,
  query: RunQuery & { readonly kind: DatabaseKind },
  all: Conditions,
): Promise<RunList> {
  const order = orderClause(query);
  const cte = sql`with found as materialized (select r.id, r.created_ms
    ${fromRunsWhere(all)} ${order} limit ${sql.lit(MAX_COUNTED_RUNS)})`;
  const page = sql`(select r.id from found r ${order} ${limitOffsetClause(query)})`;
  // PostgreSQL looks up the elements of an array one by one, whatever number of rows it estimates.
  const isOnPage = query.kind === "sqlite" ? sql`in ${page}` : sql`= any(array${page})`;
  const total = sql`(select count(*) from found)`;
  const { rows } = await sql<RowWithTotal>`${cte} select ${RUN_COLUMNS}, ${total} as total
    from workflow_runs r where r.id ${isOnPage} ${order}`.execute(db);
  return {
    total: rows[0]?.total ?? await readTotal(db, total, cte),
    runs: rows.map(toRun),
  };
}

/** Reads the total for a page without runs, which has no row to return it. */
async function readTotal(db: Db, total: RawBuilder<unknown>, cte = sql``): Promise<number> {
  const { rows } = await sql<{ total: number }>`${cte} select ${total} as total`.execute(db);
  return rows[0]?.total ?? 0;
}

/** One condition uses its index, and the others are rechecked. */
async function drivenConditions(
  db: Db,
  query: RunQuery,
  { conditions, kind }: {
    readonly conditions: readonly RunCondition[];
    readonly kind: DatabaseKind;
  },
): Promise<Conditions> {
  const driver = (await chooseDriver(db, query, conditions))?.condition;
  if (!driver && kind === "postgres") return conditions.map(({ indexCondition }) => indexCondition);
  return conditions.map((each) => each === driver ? each.indexCondition : each.recheckCondition);
}

function orderClause({ direction }: RunQuery): RawBuilder<unknown> {
  return sql`order by r.created_ms ${sql.raw(direction)}, r.id ${sql.raw(direction)}`;
}

function limitOffsetClause(query: RunQuery): RawBuilder<unknown> {
  const { offset, limit } = pageBounds(query);
  return sql`limit ${limit} offset ${offset}`;
}

/** Runs beyond MAX_COUNTED_RUNS are on no page. */
function pageBounds({ page, perPage }: RunQuery): {
  readonly offset: number;
  readonly limit: number;
} {
  const offset = Math.min((page - 1) * perPage, MAX_COUNTED_RUNS);
  return { offset, limit: Math.min(perPage, MAX_COUNTED_RUNS - offset) };
}
