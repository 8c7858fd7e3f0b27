import { type RawBuilder, sql } from "kysely";
import type { Db } from "./database.ts";
import { type Spread, whereOfFacts, whereOfStatistics } from "./statistics_sum.ts";

export interface Ranking extends Spread {
  readonly by: "workflow" | "repository";
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

/** A workflow; or a repository, of which `id` and `name` say nothing. */
export interface Ranked {
  readonly id: number;
  readonly name: string;
  readonly repository: string;
}

/** Those that have runs: the one with most comes first, then the one whose workflow has the lowest id. */
export async function rank(
  db: Db,
  ranking: Ranking,
): Promise<{ readonly total: number; readonly ranked: readonly Ranked[] }> {
  const { page, perPage } = ranking;
  const counted = sql`select workflow_id, cast(sum(runs) as bigint) as runs
    from (${sql.join(partsOf(ranking), sql` union all `)}) as parts
    group by workflow_id having sum(runs) > 0`;
  const select = ranking.by === "workflow"
    ? sql`select w.id, w.name, w.repository, count(*) over () as total
        from (${counted}) as c join workflows w on w.id = c.workflow_id
        order by c.runs desc, w.id`
    : sql`select min(w.id) as id, '' as name, w.repository, count(*) over () as total
        from (${counted}) as c join workflows w on w.id = c.workflow_id
        group by w.repository order by sum(c.runs) desc, min(w.id)`;
  const { rows } = await sql<Ranked & { readonly total: number }>`
    ${select} limit ${perPage} offset ${(page - 1) * perPage}`.execute(db);
  if (rows.length > 0 || page === 1) return { total: rows[0]?.total ?? 0, ranked: rows };
  // Beyond the last page no row says how many there are.
  const { total } = await rank(db, { ...ranking, page: 1, perPage: 1 });
  return { total, ranked: [] };
}

/** How many runs each workflow has in each part; no histogram is read. */
function partsOf({ days, spans, workflows, branch }: Ranking): readonly RawBuilder<unknown>[] {
  const each = { workflows: workflows ?? sql`s.workflow_id > 0`, branch };
  const parts = spans.map((span) =>
    sql`select s.workflow_id, ${sql.lit(span.times)} * s.runs as runs from statistics s
      where ${whereOfStatistics(span, each)}`
  );
  if (branch === undefined) return parts;
  return [
    ...parts,
    sql`select s.workflow_id, 1 as runs from run_facts s where ${whereOfFacts(days, each)}`,
  ];
}
