import { sql } from "kysely";
import { MAX_COUNTED_RUNS, type RunQuery } from "../../run/history.ts";
import { titleMatches } from "../../run/title_search.ts";
import type { Db } from "../handles.ts";
import {
  chooseDriver,
  createdConditions,
  type RunCondition,
  toRunConditions,
} from "./run_filter.ts";

/** They are looked at on the main thread: this takes it some milliseconds. */
const MAX_TITLES_READ = 5_000;

/**
 * The ids of runs with these words in their titles, in SQLite: MAX_LISTED at the most, in order. Words alone are answered from
 * their index, in the order of ids, which GitHub counts up as it creates runs. With a narrow filter the titles are read, with
 * others the index makes a list that the index of runs is checked against: then no run itself is looked up.
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

/** The span of creation as a filter like the others. */
function createdRangeCondition(query: RunQuery): RunCondition | undefined {
  const driving = createdConditions(query);
  if (driving.length === 0) return undefined;
  return {
    hasCoveringIndex: true,
    indexCondition: sql.join(driving, sql` and `),
    recheckCondition: sql.join(createdConditions(query, sql`+r.created_ms`), sql` and `),
  };
}
