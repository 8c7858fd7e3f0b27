import { type RawBuilder, sql } from "kysely";
import { RunAggregate } from "../../run/aggregate.ts";
import type {
  Statistics,
  StatisticsGroup,
  StatisticsQuery,
  StatisticsStore,
} from "../../run/statistics.ts";
import { SingleFlight } from "../../single_flight.ts";
import { narrowVisibility, visibleCondition } from "../clauses.ts";
import type { Database } from "../database.ts";
import type { Db } from "../handles.ts";
import {
  type AggregateQuery,
  BY_DAY,
  BY_WORKFLOW,
  factsCondition,
  readGrouped,
  readTotal,
  type Selection,
  statisticsCondition,
} from "./aggregate.ts";
import {
  type DayRange,
  formatDay,
  parseDay,
  startOfWeek,
  toDayRows,
  toMonthRows,
} from "./day_range.ts";

type Groups = Pick<Statistics, "totalGroups" | "groups">;
/** A query with its days as numbers and its filter as SQL. */
type ResolvedQuery = Selection & Omit<StatisticsQuery, "from" | "to"> & { readonly days: DayRange };

/**
 * Reads statistics in SQL by adding up as few rows of months and days as possible. Equal concurrent queries share one result,
 * because many clients open the same page.
 */
export class SqlStatisticsStore implements StatisticsStore {
  readonly #database: Pick<Database, "read">;
  readonly #reads = new SingleFlight<string, Statistics>();

  constructor(database: Pick<Database, "read">) {
    this.#database = database;
  }

  query(query: StatisticsQuery): Promise<Statistics> {
    return this.#reads.run(cacheKey(query), () => this.#query(query));
  }

  #query(query: StatisticsQuery): Promise<Statistics> {
    const days = { from: parseDay(query.from), to: parseDay(query.to) };
    return this.#database.read(async (db) => {
      const resolved = {
        ...query,
        branch: query.branch,
        days,
        workflows: workflowCondition(db, query),
      };
      const [totals, groups] = await Promise.all([
        readTotal(db, { ...resolved, ranges: toMonthRows(days) }),
        readGroups(db, resolved),
      ]);
      return { totals: totals.toStatistics(), ...groups };
    });
  }
}

/** Equal for queries with the same parameters and the same visibility. */
function cacheKey({ visibility, ...query }: StatisticsQuery): string {
  const names = visibility === "all" ? visibility : [...visibility].sort();
  return JSON.stringify([names, ...Object.entries(query).sort()]);
}

/** The condition on the workflow, which the sums of all workflows never meet; `undefined` to use those sums. */
function workflowCondition(db: Db, query: StatisticsQuery): RawBuilder<unknown> | undefined {
  const { repository, workflowId } = query;
  const condition = visibleCondition(db, narrowVisibility(query), sql`lower(repository)`);
  if (repository === undefined && workflowId === undefined && !condition) return undefined;
  const conditions = [
    ...condition ? [sql`s.workflow_id in (select id from workflows where ${condition})`] : [],
    ...repository === undefined ? [] : [sql`s.workflow_id in (${selectWorkflowIds([repository])})`],
    ...workflowId === undefined ? [] : [sql`s.workflow_id = ${workflowId}`],
  ];
  return sql.join(conditions, sql` and `);
}

/** The IDs of all workflows of repositories, whose names are compared case-insensitively. */
function selectWorkflowIds(repositories: readonly string[]): RawBuilder<unknown> {
  const names = repositories.map((name) => sql`lower(${name})`);
  return sql`select id from workflows where lower(repository) in (${sql.join(names)})`;
}

function readGroups(db: Db, resolved: ResolvedQuery): Promise<Groups> {
  switch (resolved.groupBy) {
    case "day":
      return readDateGroups(db, { ...resolved, length: 1, startOf: (day) => day });
    case "week":
      return readDateGroups(db, { ...resolved, length: 7, startOf: startOfWeek });
    case "workflow":
    case "repository":
      return readRankedGroups(db, { ...resolved, groupBy: resolved.groupBy });
  }
}

/** Groups by day or week; a period without runs has a group, too. */
async function readDateGroups(
  db: Db,
  { length, startOf, days, page, perPage, ...selection }: ResolvedQuery & {
    /** The length of a group, in days. */
    readonly length: number;
    readonly startOf: (day: number) => number;
  },
): Promise<Groups> {
  const first = startOf(days.from);
  const totalGroups = Math.max(0, Math.floor((days.to - first) / length) + 1);
  const start = first + (page - 1) * perPage * length;
  const onPage = {
    from: Math.max(days.from, start),
    to: Math.min(days.to, start + perPage * length - 1),
  };
  if (onPage.from > onPage.to) return { totalGroups, groups: [] };
  const byStart = new Map<number, RunAggregate>();
  for (let day = startOf(onPage.from); day <= onPage.to; day += length) {
    byStart.set(day, new RunAggregate());
  }
  for (
    const [day, aggregate] of await readGrouped(db, BY_DAY, {
      ...selection,
      days: onPage,
      ranges: toDayRows(onPage),
    })
  ) {
    byStart.get(startOf(day))?.addAll(aggregate);
  }
  const groups = [...byStart].map(([day, aggregate]): StatisticsGroup => ({
    key: formatDay(day),
    statistics: aggregate.toStatistics(),
  }));
  return { totalGroups, groups };
}

/** Groups by workflow or repository, those with the most runs first. */
async function readRankedGroups(
  db: Db,
  { groupBy, ...resolved }: ResolvedQuery & { readonly groupBy: "workflow" | "repository" },
): Promise<Groups> {
  const ranges = toMonthRows(resolved.days);
  const { total, ranked } = await rankByRuns(db, { ...resolved, by: groupBy, ranges });
  if (ranked.length === 0) return { totalGroups: total, groups: [] };
  const keyByWorkflow =
    await (groupBy === "workflow"
      ? new Map(ranked.map(({ id }) => [id, String(id)]))
      : repositoriesByWorkflow(db, ranked.map(({ repository }) => repository)));
  const onPage = sql`s.workflow_id in (${sql.join([...keyByWorkflow.keys()])})`;
  const aggregates = await readGrouped(db, BY_WORKFLOW, {
    workflows: resolved.workflows ? sql`${onPage} and ${resolved.workflows}` : onPage,
    branch: resolved.branch,
    days: resolved.days,
    ranges,
  });
  const byKey = new Map<string, RunAggregate>();
  for (const [workflow, aggregate] of aggregates) {
    const key = keyByWorkflow.get(workflow) ?? "";
    const existing = byKey.get(key);
    if (existing) existing.addAll(aggregate);
    else byKey.set(key, aggregate);
  }
  const groups = ranked.map(({ id, name, repository }): StatisticsGroup => {
    const key = groupBy === "workflow" ? String(id) : repository;
    const statistics = (byKey.get(key) ?? new RunAggregate()).toStatistics();
    return groupBy === "workflow"
      ? { key, workflow: { id, name, repository }, statistics }
      : { key, statistics };
  });
  return { totalGroups: total, groups };
}

interface RankingQuery extends AggregateQuery {
  readonly by: "workflow" | "repository";
  /** Starts at 1. */
  readonly page: number;
  readonly perPage: number;
}

/** A workflow, or a repository with the lowest ID of its workflows and an empty name. */
interface RankedEntry {
  readonly id: number;
  readonly name: string;
  readonly repository: string;
}

/** Ranks workflows or repositories by their number of runs, then by the lowest workflow ID; none without runs. */
async function rankByRuns(
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
  // A page beyond the last has no row with the total.
  const { total } = await rankByRuns(db, { ...query, page: 1, perPage: 1 });
  return { total, ranked: [] };
}

/** The number of runs of each workflow in each range, without reading histograms. */
function selectRunCounts(
  { days, ranges, workflows, branch }: RankingQuery,
): readonly RawBuilder<unknown>[] {
  const selection = { workflows: workflows ?? sql`s.workflow_id > 0`, branch };
  const parts = ranges.map((range) =>
    sql`select s.workflow_id, ${sql.lit(range.sign)} * s.runs as runs from statistics s
      where ${statisticsCondition(range, selection)}`
  );
  if (branch === undefined) return parts;
  return [
    ...parts,
    sql`select s.workflow_id, 1 as runs from run_facts s where ${factsCondition(days, selection)}`,
  ];
}

/** Maps each workflow of the repositories to its repository. */
async function repositoriesByWorkflow(
  db: Db,
  repositories: readonly string[],
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await sql<{ id: number; repository: string }>`
    select id, repository from workflows where id in (${selectWorkflowIds(repositories)})`.execute(
    db,
  );
  return new Map(rows.map(({ id, repository }) => [id, repository]));
}
