import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_LISTED, type RunQuery } from "../run/history.ts";
import { isTitled } from "../run/title.ts";
import type { Db } from "./database.ts";
import { type Filter, filtersOf, type Leader, leaderOf } from "./run_filter.ts";

/** The ids of runs with these words in their titles, in SQLite: MAX_LISTED at the most, in order. */
export async function titledRuns(
  db: Db,
  query: RunQuery,
  words: readonly string[],
): Promise<readonly number[]> {
  const span = spanOf(query);
  const filters = [...filtersOf(query), ...span ? [span] : []];
  const leader = await leaderOf(db, query, filters);
  const others = filters.map((each) => each === leader?.filter ? each.driving : each.checking);
  const where = sql.join([sql`1`, ...others], sql` and `);
  const order = sql.raw(query.direction);
  if (leader?.isNarrow) {
    const { rows } = await sql<{ id: number; title: string }>`
      select r.id, r.display_title as title from workflow_runs r where ${where} order by +r.id ${order}`
      .execute(db);
    return rows.filter(({ title }) => isTitled(title, words)).map(({ id }) => id);
  }
  const match = sql`run_titles match ${words.map((word) => `"${word}"*`).join(" ")}`;
  const { rows } = await byIndex({ leader, match, where, order, isAlone: filters.length === 0 })
    .execute(db);
  return rows.map(({ id }) => id);
}

/** The index of titles gives ids in order. With a leader they become a list that its runs are checked against. */
function byIndex({ leader, match, where, order, isAlone }: {
  readonly leader: Leader | undefined;
  readonly match: RawBuilder<unknown>;
  readonly where: RawBuilder<unknown>;
  readonly order: RawBuilder<unknown>;
  readonly isAlone: boolean;
}): RawBuilder<{ id: number }> {
  if (isAlone) {
    return sql`select rowid as id from run_titles where ${match}
      order by rowid ${order} limit ${MAX_LISTED}`;
  }
  if (leader) {
    return sql`select r.id from workflow_runs r
      where ${where} and +r.id in (select rowid from run_titles where ${match})
      order by +r.id ${order} limit ${MAX_LISTED}`;
  }
  return sql`select r.id from run_titles cross join workflow_runs r on r.id = run_titles.rowid
    where ${match} and ${where} order by run_titles.rowid ${order} limit ${MAX_LISTED}`;
}

/** The span of creation as a filter like the others. */
function spanOf({ createdFrom, createdBefore }: RunQuery): Filter | undefined {
  if (createdFrom === undefined && createdBefore === undefined) return undefined;
  const between = (column: RawBuilder<unknown>) =>
    sql<SqlBool>`${column} >= ${createdFrom ?? 0} and ${column} < ${
      createdBefore ?? Number.MAX_SAFE_INTEGER
    }`;
  return {
    isCovering: false,
    driving: between(sql`r.created_ms`),
    checking: between(sql`+r.created_ms`),
  };
}
