import { type RawBuilder, sql, type SqlBool } from "kysely";
import { MAX_COUNTED_RUNS, type RunList, type RunQuery } from "../../run/history.ts";
import { isPostgres, visibleCondition } from "../clauses.ts";
import type { Db } from "../handles.ts";
import { createdConditions, fromRunsWhere } from "./run_filter.ts";
import { RUN_COLUMNS, type RunRow, toRun } from "./run_row.ts";

/** The most runs merged for a page. Beyond it, other strategies find the runs of the page sooner. */
const MAX_MERGED_RUNS = 10_000;

/**
 * Lists a page of the visible runs, optionally in a range of creation times: each repository is read from its end of the index,
 * however old its runs are. Returns `undefined` if that takes too many runs.
 */
export async function mergePerRepository(
  db: Db,
  query: RunQuery,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<RunList | undefined> {
  const first = firstPerRepository(db, query, offset + limit);
  const condition = visibleCondition(db, query.visibility, sql`lower(r.repository)`);
  if (!first || !condition) return undefined;
  const total = sql`(select count(*) from
    (select 1 ${fromRunsWhere([...createdConditions(query), condition])} limit ${
    sql.lit(MAX_COUNTED_RUNS)
  }) as few)`;
  const direction = sql.raw(query.direction);
  const { rows } = await sql<RunRow & { total: number }>`select ${RUN_COLUMNS}, ${total} as total
    ${fromRunsWhere([...createdConditions(query), first])}
    order by r.created_ms ${direction}, r.id ${direction} limit ${limit} offset ${offset}`
    .execute(db);
  const totals = rows.length > 0
    ? rows
    : (await sql<{ total: number }>`select ${total} as total`.execute(db)).rows;
  return { total: totals[0]?.total ?? 0, runs: rows.map(toRun) };
}

/** The condition that a run is among the first `count` of its repository. */
function firstPerRepository(
  db: Db,
  { visibility, createdFrom = 0, createdBefore = Number.MAX_SAFE_INTEGER, ...query }: RunQuery,
  count: number,
): RawBuilder<SqlBool> | undefined {
  if (visibility === "all" || visibility.size * count > MAX_MERGED_RUNS) return undefined;
  const names = [...visibility];
  const direction = sql.raw(query.direction);
  const first = sql`select f.id from workflow_runs f where lower(f.repository) = v.value
    and f.created_ms >= ${createdFrom} and f.created_ms < ${createdBefore}
    order by f.created_ms ${direction}, f.id ${direction} limit ${count}`;
  return isPostgres(db)
    ? sql<SqlBool>`r.id in (select e.id from unnest(${names}::text[]) as v(value)
        cross join lateral (${first}) as e)`
    : sql<SqlBool>`r.id in (select e.id from json_each(${JSON.stringify(names)}) v
        cross join workflow_runs e where e.id in (${first}))`;
}
