import { sql } from "kysely";
import { MAX_COUNTED_RUNS, type RunQuery } from "../run/history.ts";
import { titleMatches } from "../run/title_search.ts";
import type { Db } from "./database.ts";
import { type Filter, filtersOf, leaderOf, spanOf } from "./run_filter.ts";

/** They are looked at on the main thread: this takes it some milliseconds. */
const MAX_TITLES_READ = 5_000;

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
  const span = filterOfSpan(query);
  const filters = [...filtersOf(db, query), ...(span ? [span] : [])];
  const leader = await leaderOf(db, query, filters);
  const where = sql.join(
    filters.map((each) => each === leader?.filter ? each.driving : each.checking),
    sql` and `,
  );
  const order = sql`order by r.created_ms ${direction}, r.id ${direction}`;
  if (leader?.runs !== undefined && leader.runs < MAX_TITLES_READ) {
    const { rows } = await sql<{ id: number; title: string }>`
      select r.id, r.display_title as title from workflow_runs r where ${where} ${order}`
      .execute(db);
    return rows.filter(({ title }) => titleMatches(title, words)).map(({ id }) => id);
  }
  const titled = sql`select rowid as id from run_titles
    where run_titles match ${words.map((word) => `"${word}"*`).join(" ")}`;
  const ids = filters.length === 0
    ? sql<{ id: number }>`${titled} order by rowid ${direction} limit ${MAX_COUNTED_RUNS}`
    : sql<{ id: number }>`select r.id from workflow_runs r
      where ${where} and +r.id in (${titled}) ${order} limit ${MAX_COUNTED_RUNS}`;
  const { rows } = await ids.execute(db);
  return rows.map(({ id }) => id);
}

/** The span of creation as a filter like the others. */
function filterOfSpan(query: RunQuery): Filter | undefined {
  const driving = spanOf(query);
  if (driving.length === 0) return undefined;
  return {
    isCovering: true,
    driving: sql.join(driving, sql` and `),
    checking: sql.join(spanOf(query, sql`+r.created_ms`), sql` and `),
  };
}
