import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { RunQuery } from "../../run/history.ts";
import { visibleCondition } from "../clauses.ts";
import type { Db } from "../handles.ts";

/** A condition of a list, in two equivalent forms, so that the code chooses the index and not the planner. */
export interface RunCondition {
  /** Whether its index covers the columns of all other conditions. */
  readonly hasCoveringIndex: boolean;
  /** Whether its index has the runs of several values in sequence, and so not in the order of the list. */
  readonly isUnordered?: true;
  /** Served by its own index, in the order of the list. */
  readonly indexCondition: RawBuilder<SqlBool>;
  /** Served by no index. */
  readonly recheckCondition: RawBuilder<SqlBool>;
}

/** The most runs that are looked up one by one. */
const MAX_LOOKUPS = 20_000;

/** The column in a form for which no database uses an index. */
export function noIndex(column: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`coalesce(${column}, ${column})`;
}

/** Repository and user names are compared case-insensitively, as on GitHub; branch names case-sensitively, as in Git. */
export function toRunConditions(db: Db, query: RunQuery): readonly RunCondition[] {
  const { repository, workflowId, status, conclusion, event, branch, actor } = query;
  const runConditions: RunCondition[] = [];
  const add = (
    column: RawBuilder<unknown>,
    value: RawBuilder<unknown> | undefined,
    hasCoveringIndex = false,
  ) => {
    if (!value) return;
    runConditions.push({
      hasCoveringIndex,
      indexCondition: sql<SqlBool>`${column} = ${value}`,
      recheckCondition: sql<SqlBool>`${noIndex(column)} = ${value}`,
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
  const name = sql`lower(r.repository)`;
  const indexCondition = visibleCondition(db, visibility, name);
  const recheckCondition = visibleCondition(db, visibility, noIndex(name));
  if (!indexCondition || !recheckCondition) return [];
  return [{ hasCoveringIndex: false, isUnordered: true, indexCondition, recheckCondition }];
}

/** Whether an index has all matching runs in the order of the list. */
export function isOrdered(runConditions: readonly RunCondition[]): boolean {
  return runConditions.length < 2 && !runConditions.some(({ isUnordered }) => isUnordered);
}

function exactly(value: string | number | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`${value}`;
}

function caseInsensitively(value: string | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`lower(${value})`;
}

/** The conditions of the range of creation times, which every index of a filter continues with. */
export function createdConditions(
  { createdFrom, createdBefore }: RunQuery,
  column = sql`r.created_ms`,
): readonly RawBuilder<SqlBool>[] {
  return [
    ...createdFrom === undefined ? [] : [sql<SqlBool>`${column} >= ${createdFrom}`],
    ...createdBefore === undefined ? [] : [sql<SqlBool>`${column} < ${createdBefore}`],
  ];
}

/** The runs `r` that meet every condition. */
export function fromRunsWhere(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<unknown> {
  if (conditions.length === 0) return sql`from workflow_runs r`;
  return sql`from workflow_runs r where ${sql.join(conditions, sql` and `)}`;
}

interface Driver {
  readonly condition: RunCondition;
  /** The number of runs that meet it; `undefined` if there are MAX_LOOKUPS or more. */
  readonly runs: number | undefined;
}

/**
 * Chooses the condition whose index is used: the one that the fewest runs meet. If many runs meet each of them, one whose index
 * covers the others; `undefined` without such an index.
 */
export async function chooseDriver(
  db: Db,
  query: RunQuery,
  runConditions: readonly RunCondition[],
): Promise<Driver | undefined> {
  if (runConditions.length === 0) return undefined;
  const counts = runConditions.map(({ indexCondition }, at) =>
    sql`select ${sql.lit(at)} as at, count(*) as count from
      (select 1 ${fromRunsWhere([...createdConditions(query), indexCondition])} limit ${
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
    : runConditions.find(({ hasCoveringIndex }) => hasCoveringIndex);
  return condition && { condition, runs: fewest?.count };
}
