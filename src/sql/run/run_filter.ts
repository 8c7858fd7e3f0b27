import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { RunQuery } from "../../run/history.ts";
import type { Db } from "../handles.ts";
import { visibleCondition } from "../clauses.ts";

/**
 * One condition of a list. `driving` is served by an index of its own in the list's order; `checking` says the same in a way
 * that no index is chosen for, so that the driving one is ours to choose.
 */
export interface RunCondition {
  /** Whether the index of this one has what all others check. */
  readonly hasCoveringIndex: boolean;
  /** Whether its index has the runs of several values one after the other, and so not in the list's order. */
  readonly isUnordered?: true;
  readonly indexCondition: RawBuilder<SqlBool>;
  readonly recheckCondition: RawBuilder<SqlBool>;
}

/** Of a filter that fewer runs meet each can be looked up. */
const MAX_LOOKUPS = 20_000;

/** Names of repositories and people are told apart in any case, as GitHub does; branches by case too, as Git does. */
export function toRunConditions(db: Db, query: RunQuery): readonly RunCondition[] {
  const { repository, workflowId, status, conclusion, event, branch, actor } = query;
  const runConditions: RunCondition[] = [];
  const add = (
    column: RawBuilder<unknown>,
    value: RawBuilder<unknown> | undefined,
    isCovering = false,
  ) => {
    if (!value) return;
    const checking = sql<SqlBool>`coalesce(${column}, ${column}) = ${value}`;
    runConditions.push({
      hasCoveringIndex: isCovering,
      indexCondition: sql<SqlBool>`${column} = ${value}`,
      recheckCondition: checking,
    });
  };
  add(sql`r.workflow_id`, exactly(workflowId), true);
  add(sql`lower(r.repository)`, caseInsensitively(repository), true);
  add(sql`lower(r.actor)`, caseInsensitively(actor));
  add(sql`r.branch`, exactly(branch));
  add(sql`r.conclusion`, exactly(conclusion));
  add(sql`r.event`, exactly(event));
  add(sql`r.status`, exactly(status));
  return [...runConditions, ...visibilityConditions(db, query)];
}

function visibilityConditions(db: Db, { visibility }: RunQuery): readonly RunCondition[] {
  const driving = visibleCondition(db, visibility, sql`lower(r.repository)`);
  const checked = sql`coalesce(lower(r.repository), lower(r.repository))`;
  const checking = visibleCondition(db, visibility, checked);
  return driving && checking
    ? [{
      hasCoveringIndex: false,
      isUnordered: true,
      indexCondition: driving,
      recheckCondition: checking,
    }]
    : [];
}

/** Whether one index has what is asked for in the list's order. */
export function isOrdered(runConditions: readonly RunCondition[]): boolean {
  return runConditions.length < 2 && !runConditions.some(({ isUnordered }) => isUnordered);
}

function exactly(value: string | number | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`${value}`;
}

function caseInsensitively(value: string | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`lower(${value})`;
}

/** Of the span of creation that is asked for; every index of a filter goes on with the time of creation. */
export function createdConditions(
  { createdFrom, createdBefore }: RunQuery,
  column = sql`r.created_ms`,
): readonly RawBuilder<SqlBool>[] {
  return [
    ...createdFrom === undefined ? [] : [sql<SqlBool>`${column} >= ${createdFrom}`],
    ...createdBefore === undefined ? [] : [sql<SqlBool>`${column} < ${createdBefore}`],
  ];
}

/** All runs `r` that meet every condition. */
export function fromRunsWhere(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<unknown> {
  if (conditions.length === 0) return sql`from workflow_runs r`;
  return sql`from workflow_runs r where ${sql.join(conditions, sql` and `)}`;
}

export interface Driver {
  readonly condition: RunCondition;
  /** How many runs meet it; `undefined` where that is NARROW or more. */
  readonly runs: number | undefined;
}

/**
 * The filter to go by: that which the fewest runs meet; where each is met by many, one whose index has what the others check;
 * else `undefined`.
 */
export async function chooseDriver(
  db: Db,
  query: RunQuery,
  runConditions: readonly RunCondition[],
): Promise<Driver | undefined> {
  if (runConditions.length === 0) return undefined;
  const counts = runConditions.map(({ indexCondition: driving }, at) =>
    sql`select ${sql.lit(at)} as at, count(*) as count from
      (select 1 ${fromRunsWhere([...createdConditions(query), driving])} limit ${
      sql.lit(MAX_LOOKUPS)
    }) as few`
  );
  const { rows } = await sql<{ at: number; count: number }>`${sql.join(counts, sql` union all `)}`
    .execute(db);
  const [fewest] = rows.filter(({ count }) => count < MAX_LOOKUPS).sort((a, b) =>
    a.count - b.count
  );
  const condition = fewest
    ? runConditions[fewest.at]
    : runConditions.find(({ hasCoveringIndex: isCovering }) => isCovering);
  return condition && { condition, runs: fewest?.count };
}
