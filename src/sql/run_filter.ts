import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { RunQuery } from "../run/history.ts";
import type { Db } from "./database.ts";
import { isVisibleIn } from "./visible.ts";

/**
 * One condition of a list. `driving` is served by an index of its own in the list's order; `checking` says the same in a way
 * that no index is chosen for, so that the driving one is ours to choose.
 */
export interface Filter {
  /** Whether the index of this one has what all others check. */
  readonly isCovering: boolean;
  /** Whether its index has the runs of several values one after the other, and so not in the list's order. */
  readonly isUnordered?: true;
  readonly driving: RawBuilder<SqlBool>;
  readonly checking: RawBuilder<SqlBool>;
}

/** Of a filter that fewer runs meet each can be looked up. */
const NARROW = 20_000;

/** Names of repositories and people are told apart in any case, as GitHub does; branches by case too, as Git does. */
export function filtersOf(db: Db, query: RunQuery): readonly Filter[] {
  const { repository, workflowId, status, conclusion, event, branch, actor } = query;
  const filters: Filter[] = [];
  const add = (
    column: RawBuilder<unknown>,
    value: RawBuilder<unknown> | undefined,
    isCovering = false,
  ) => {
    if (!value) return;
    const checking = sql<SqlBool>`coalesce(${column}, ${column}) = ${value}`;
    filters.push({ isCovering, driving: sql<SqlBool>`${column} = ${value}`, checking });
  };
  add(sql`r.workflow_id`, exactly(workflowId), true);
  add(sql`lower(r.repository)`, inAnyCase(repository), true);
  add(sql`lower(r.actor)`, inAnyCase(actor));
  add(sql`r.branch`, exactly(branch));
  add(sql`r.conclusion`, exactly(conclusion));
  add(sql`r.event`, exactly(event));
  add(sql`r.status`, exactly(status));
  return [...filters, ...visibility(db, query)];
}

function visibility(db: Db, { visible }: RunQuery): readonly Filter[] {
  const driving = isVisibleIn(db, visible, sql`lower(r.repository)`);
  const checked = sql`coalesce(lower(r.repository), lower(r.repository))`;
  const checking = isVisibleIn(db, visible, checked);
  return driving && checking ? [{ isCovering: false, isUnordered: true, driving, checking }] : [];
}

/** Whether one index has what is asked for in the list's order. */
export function isOrdered(filters: readonly Filter[]): boolean {
  return filters.length < 2 && !filters.some(({ isUnordered }) => isUnordered);
}

function exactly(value: string | number | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`${value}`;
}

function inAnyCase(value: string | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`lower(${value})`;
}

/** Of the span of creation that is asked for; every index of a filter goes on with the time of creation. */
export function spanOf(
  { createdFrom, createdBefore }: RunQuery,
  column = sql`r.created_ms`,
): readonly RawBuilder<SqlBool>[] {
  return [
    ...createdFrom === undefined ? [] : [sql<SqlBool>`${column} >= ${createdFrom}`],
    ...createdBefore === undefined ? [] : [sql<SqlBool>`${column} < ${createdBefore}`],
  ];
}

/** All runs `r` that meet every condition. */
export function runsWhere(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<unknown> {
  if (conditions.length === 0) return sql`from workflow_runs r`;
  return sql`from workflow_runs r where ${sql.join(conditions, sql` and `)}`;
}

export interface Leader {
  readonly filter: Filter;
  /** How many runs meet it; `undefined` where that is NARROW or more. */
  readonly runs: number | undefined;
}

/**
 * The filter to go by: that which the fewest runs meet; where each is met by many, one whose index has what the others check;
 * else `undefined`.
 */
export async function leaderOf(
  db: Db,
  query: RunQuery,
  filters: readonly Filter[],
): Promise<Leader | undefined> {
  if (filters.length === 0) return undefined;
  const counts = filters.map(({ driving }, at) =>
    sql`select ${sql.lit(at)} as at, count(*) as count from
      (select 1 ${runsWhere([...spanOf(query), driving])} limit ${sql.lit(NARROW)}) as few`
  );
  const { rows } = await sql<{ at: number; count: number }>`${sql.join(counts, sql` union all `)}`
    .execute(db);
  const [least] = rows.filter(({ count }) => count < NARROW).sort((a, b) => a.count - b.count);
  const filter = least ? filters[least.at] : filters.find(({ isCovering }) => isCovering);
  return filter && { filter, runs: least?.count };
}
