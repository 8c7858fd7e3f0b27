import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_LISTED, type RunQuery } from "../run/history.ts";
import { isTitled } from "../run/title.ts";
import type { Db } from "./database.ts";
import { type Filter, filtersOf, leaderOf } from "./run_filter.ts";

/**
 * The ids of runs with these words in their titles, in SQLite: MAX_LISTED at the most, in order. Words alone are answered from
 * their index, in the order of ids, which GitHub counts up as it creates runs. With a narrow filter the titles are read, with
 * others the index makes a list that the index of runs is checked against: then no run itself is looked up.
 */
export async function titledRuns(
  db: Db,
  query: RunQuery,
  words: readonly string[],
): Promise<readonly number[]> {
  const direction = sql.raw(query.direction);
  const span = spanOf(query);
  const filters = [...filtersOf(query), ...(span ? [span] : [])];
  const leader = await leaderOf(db, query, filters);
  const where = sql.join(
    filters.map((each) => each === leader?.filter ? each.driving : each.checking),
    sql` and `,
  );
  const order = sql`order by r.created_ms ${direction}, r.id ${direction}`;
  if (leader?.isNarrow) {
    const { rows } = await sql<{ id: number; title: string }>`
      select r.id, r.display_title as title from workflow_runs r where ${where} ${order}`
      .execute(db);
    return rows.filter(({ title }) => isTitled(title, words)).map(({ id }) => id);
  }
  const titled = sql`select rowid as id from run_titles
    where run_titles match ${words.map((word) => `"${word}"*`).join(" ")}`;
  const ids = filters.length === 0
    ? sql<{ id: number }>`${titled} order by rowid ${direction} limit ${MAX_LISTED}`
    : sql<{ id: number }>`select r.id from workflow_runs r
      where ${where} and +r.id in (${titled}) ${order} limit ${MAX_LISTED}`;
  const { rows } = await ids.execute(db);
  return rows.map(({ id }) => id);
}

/** The span of creation as a filter like the others. */
function spanOf({ createdFrom, createdBefore }: RunQuery): Filter | undefined {
  if (createdFrom === undefined && createdBefore === undefined) return undefined;
  const [from, before] = [createdFrom ?? 0, createdBefore ?? Number.MAX_SAFE_INTEGER];
  const between = (column: RawBuilder<unknown>) =>
    sql<SqlBool>`${column} >= ${from} and ${column} < ${before}`;
  return {
    isCovering: true,
    driving: between(sql`r.created_ms`),
    checking: between(sql`+r.created_ms`),
  };
}
