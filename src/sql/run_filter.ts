import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { RunQuery } from "../run/history.ts";
import type { Db } from "./database.ts";

/**
 * One condition of a list. `driving` is served by an index of its own in the list's order; `checking` says the same in a way
 * that no index is chosen for, so that the driving one is ours to choose.
 */
export interface Filter {
  /** Whether the index of this one has what all others check. */
  readonly isCovering: boolean;
  readonly driving: RawBuilder<SqlBool>;
  readonly checking: RawBuilder<SqlBool>;
}

/** Of a filter that fewer runs meet each can be looked up. */
const NARROW = 5_000;

/** Names of repositories and people are told apart in any case, as GitHub does; branches by case too, as Git does. */
export function filtersOf(query: RunQuery): readonly Filter[] {
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
  return filters;
}

function exactly(value: string | number | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`${value}`;
}

function inAnyCase(value: string | undefined): RawBuilder<unknown> | undefined {
  return value === undefined ? undefined : sql`lower(${value})`;
}

/** All runs in the span of creation that is asked for; every index of a filter goes on with the time of creation. */
export function created(db: Db, { createdFrom, createdBefore }: RunQuery) {
  return db.selectFrom("workflow_runs as r")
    .$if(createdFrom !== undefined, (all) => all.where("r.created_ms", ">=", createdFrom ?? 0))
    .$if(createdBefore !== undefined, (all) => all.where("r.created_ms", "<", createdBefore ?? 0));
}

export interface Leader {
  readonly filter: Filter;
  readonly isNarrow: boolean;
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
  const [first, ...others] = filters.map(({ driving }, at) =>
    db.selectFrom(
      created(db, query).where(driving).select(sql`1`.as("one")).limit(NARROW).as("some"),
    )
      .select(({ fn }) => [sql<number>`${sql.lit(at)}`.as("at"), fn.countAll<number>().as("count")])
  );
  if (!first) return undefined;
  const rows = await others.reduce((all, next) => all.unionAll(next), first).execute();
  const [least] = rows.filter(({ count }) => count < NARROW).sort((a, b) => a.count - b.count);
  const filter = least ? filters[least.at] : filters.find(({ isCovering }) => isCovering);
  return filter && { filter, isNarrow: least !== undefined };
}
