import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_COUNTED_RUNS, type RunQuery } from "../../run/history.ts";
import { titleMatches } from "../../run/title_search.ts";
import type { Db } from "../handles.ts";
import {
  chooseDriver,
  createdConditions,
  fromRunsWhere,
  noIndex,
  type RunCondition,
  toRunConditions,
} from "./run_filter.ts";

/** Titles matched on the main thread, which takes some milliseconds. */
const MAX_TITLES_READ = 5_000;

/**
 * Returns the IDs of up to MAX_COUNTED_RUNS runs with these words in their titles, in order, in SQLite.
 *
 * - Words only: the full-text index, in the order of IDs, which GitHub assigns in the order of creation.
 * - A filter that few runs meet: their titles are read and matched here.
 * - Other filters: the full-text index produces a list, and an index of runs is checked against it, so that no run is read.
 */
export async function searchTitles(
  db: Db,
  query: RunQuery,
  words: readonly string[],
): Promise<readonly number[]> {
  const direction = sql.raw(query.direction);
  const createdRange = createdRangeCondition(query);
  const runConditions = [...toRunConditions(db, query), ...(createdRange ? [createdRange] : [])];
  const driver = await chooseDriver(db, query, runConditions);
  const where = sql.join(
    runConditions.map((each) =>
      each === driver?.condition ? each.indexCondition : each.recheckCondition
    ),
    sql` and `,
  );
  const order = sql`order by r.created_ms ${direction}, r.id ${direction}`;
  if (driver?.runs !== undefined && driver.runs < MAX_TITLES_READ) {
    const { rows } = await sql<{ id: number; title: string }>`
      select r.id, r.display_title as title from workflow_runs r where ${where} ${order}`
      .execute(db);
    return rows.filter(({ title }) => titleMatches(title, words)).map(({ id }) => id);
  }
  const titleMatch = sql`select rowid as id from run_titles
    where run_titles match ${words.map((word) => `"${word}"*`).join(" ")}`;
  const ids = runConditions.length === 0
    ? sql<{ id: number }>`${titleMatch} order by rowid ${direction} limit ${MAX_COUNTED_RUNS}`
    : sql<{ id: number }>`select r.id from workflow_runs r
      where ${where} and +r.id in (${titleMatch}) ${order} limit ${MAX_COUNTED_RUNS}`;
  const { rows } = await ids.execute(db);
  return rows.map(({ id }) => id);
}

/** The range of creation times as a condition like the filters. A unary plus keeps SQLite from using an index. */
function createdRangeCondition(query: RunQuery): RunCondition | undefined {
  const conditions = createdConditions(query);
  if (conditions.length === 0) return undefined;
  return {
    hasCoveringIndex: true,
    indexCondition: sql.join(conditions, sql` and `),
    recheckCondition: sql.join(createdConditions(query, sql`+r.created_ms`), sql` and `),
  };
}

/**
 * Returns the conditions of runs with these words in their titles, in PostgreSQL. `isCapped` is true if MAX_COUNTED_RUNS titles
 * or more match.
 *
 * - A filter that few runs meet: their titles are matched.
 * - Words that few titles match: the IDs are looked up first, because PostgreSQL expects every prefix to match many titles and
 *   would scan all runs.
 * - Other words and filters: PostgreSQL's planner chooses among the indexes.
 */
export async function titleConditions(
  db: Db,
  query: RunQuery,
  { words, runConditions }: {
    readonly words: readonly string[];
    readonly runConditions: readonly RunCondition[];
  },
): Promise<{ readonly conditions: readonly RawBuilder<SqlBool>[]; readonly isCapped: boolean }> {
  const rechecks = (conditions: readonly RunCondition[]) =>
    conditions.map(({ recheckCondition }) => recheckCondition);
  const driver = await chooseDriver(db, query, runConditions);
  if (driver?.runs !== undefined) {
    const others = runConditions.filter((each) => each !== driver.condition);
    const titleMatch = matchTitleWords(noIndex(sql`r.title_words`), words);
    return {
      conditions: [driver.condition.indexCondition, ...rechecks(others), titleMatch],
      isCapped: false,
    };
  }
  const titleMatch = matchTitleWords(sql`r.title_words`, words);
  const ids = await selectMatchingIds(db, titleMatch);
  if (ids.length === MAX_COUNTED_RUNS) {
    const filters = runConditions.map(({ indexCondition }) => indexCondition);
    return { conditions: [...filters, titleMatch], isCapped: true };
  }
  const isMatching = sql<SqlBool>`r.id = any(${ids}::bigint[])`;
  return { conditions: [...rechecks(runConditions), isMatching], isCapped: false };
}

/** Makes PostgreSQL use the word index by disabling the other plans for the transaction. */
async function selectMatchingIds(
  db: Db,
  titleMatch: RawBuilder<SqlBool>,
): Promise<readonly number[]> {
  const select = async (tx: Db) => {
    for (const planNode of ["seqscan", "indexscan"]) {
      await sql`set local ${sql.raw(`enable_${planNode}`)} = off`.execute(tx);
    }
    const { rows } = await sql<{ id: number }>`select r.id ${fromRunsWhere([titleMatch])}
      limit ${sql.lit(MAX_COUNTED_RUNS)}`.execute(tx);
    return rows.map(({ id }) => id);
  };
  return await (db.isTransaction ? select(db) : db.transaction().execute(select));
}

/** The words consist of letters and digits, so they need no quoting. */
function matchTitleWords(
  column: RawBuilder<unknown>,
  words: readonly string[],
): RawBuilder<SqlBool> {
  const tsquery = words.map((word) => `${word}:*`).join(" & ");
  return sql`${column} @@ lower(${tsquery})::tsquery`;
}
