import { type RawBuilder, sql } from "kysely";
import type { Db } from "../database.ts";
import { type AggregateQuery, factsCondition, statisticsCondition } from "./aggregate.ts";

export interface RankingQuery extends AggregateQuery {
  readonly by: "workflow" | "repository";
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** A workflow; or a repository, of which `id` and `name` say nothing. */
export interface RankedEntry {
  readonly id: number;
  readonly name: string;
  readonly repository: string;
}

/** Those that have runs: the one with most comes first, then the one whose workflow has the lowest id. */
export async function rankByRuns(
  db: Db,
  query: RankingQuery,
): Promise<{ readonly total: number; readonly ranked: readonly RankedEntry[] }> {
  const { page, perPage } = query;
  const counted = sql`select workflow_id, cast(sum(runs) as bigint) as runs
    from (${sql.join(selectRunCounts(query), sql` union all `)}) as parts
    group by workflow_id having sum(runs) > 0`;
  const select = query.by === "workflow"
    ? sql`select w.id, w.name, w.repository, count(*) over () as total
        from (${counted}) as c join workflows w on w.id = c.workflow_id
        order by c.runs desc, w.id`
    : sql`select min(w.id) as id, '' as name, w.repository, count(*) over () as total
        from (${counted}) as c join workflows w on w.id = c.workflow_id
        group by w.repository order by sum(c.runs) desc, min(w.id)`;
  const { rows } = await sql<RankedEntry & { readonly total: number }>`
    ${select} limit ${perPage} offset ${(page - 1) * perPage}`.execute(db);
  if (rows.length > 0 || page === 1) return { total: rows[0]?.total ?? 0, ranked: rows };
  // Beyond the last page no row says how many there are.
  const { total } = await rankByRuns(db, { ...query, page: 1, perPage: 1 });
  return { total, ranked: [] };
}

/** How many runs each workflow has in each part; no histogram is read. */
function selectRunCounts(
  { days, ranges: spans, workflows, branch }: RankingQuery,
): readonly RawBuilder<unknown>[] {
  const selection = { workflows: workflows ?? sql`s.workflow_id > 0`, branch };
  const parts = spans.map((range) =>
    sql`select s.workflow_id, ${sql.lit(range.sign)} * s.runs as runs from statistics s
      where ${statisticsCondition(range, selection)}`
  );
  if (branch === undefined) return parts;
  return [
    ...parts,
    sql`select s.workflow_id, 1 as runs from run_facts s where ${factsCondition(days, selection)}`,
  ];
}
