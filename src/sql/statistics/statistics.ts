import { type RawBuilder, sql } from "kysely";
import type {
  Statistics,
  StatisticsGroup,
  StatisticsQuery,
  StatisticsStore,
} from "../../run/statistics.ts";
import { RunAggregate } from "../../run/aggregate.ts";
import { SingleFlight } from "../../single_flight.ts";
import type { Database, Db } from "../database.ts";
import { rankByRuns } from "./rank.ts";
import {
  type DayRange,
  formatDay,
  parseDay,
  startOfWeek,
  toDayRows,
  toMonthRows,
} from "./day_range.ts";
import { BY_DAY, BY_WORKFLOW, readGrouped, readTotal, type Selection } from "./aggregate.ts";
import { narrowVisibility, visibleCondition } from "../clauses.ts";

type Groups = Pick<Statistics, "totalGroups" | "groups">;
/** What is asked for, with its days as numbers. */
type ResolvedQuery = Selection & Omit<StatisticsQuery, "from" | "to"> & { readonly days: DayRange };

/**
 * Reads statistics in SQL. Rows of months and days are added up: as few as there can be. Who asks what is being read shares
 * the answer, as many look at the same page.
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
        days,
        branch: query.branch,
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

/** The same for those alone who ask for the same, and may see the same. */
function cacheKey({ visibility, ...query }: StatisticsQuery): string {
  const names = visibility === "all" ? visibility : [...visibility].sort();
  return JSON.stringify([names, ...Object.entries(query).sort()]);
}

/** The condition on the workflow; rows of all workflows together never meet it. */
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

/** Of all workflows of some repositories, named in any case. */
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

/** Every day or week has a group, also one without runs. */
async function readDateGroups(
  db: Db,
  { length, startOf, days, page, perPage, ...selection }: ResolvedQuery & {
    /** In days. */
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

/** Those with most runs first. */
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
    const figures = (byKey.get(key) ?? new RunAggregate()).toStatistics();
    return groupBy === "workflow"
      ? { key, workflow: { id, name, repository }, statistics: figures }
      : { key, statistics: figures };
  });
  return { totalGroups: total, groups };
}

/** The repository of each of their workflows. */
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
