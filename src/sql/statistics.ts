import { type RawBuilder, sql } from "kysely";
import type {
  Statistics,
  StatisticsGroup,
  StatisticsQuery,
  StatisticsStore,
} from "../run/statistics.ts";
import { RunAggregate } from "../run/aggregate.ts";
import type { Database, Db } from "./database.ts";
import { rank } from "./statistics_rank.ts";
import { byDay, byMonth, dateOf, dayOf, type Days, mondayOf } from "./statistics_span.ts";
import { type Choice, DAY, sumUp, sumUpBy, WORKFLOW } from "./statistics_sum.ts";
import { isVisibleIn, visibleOf } from "./visible.ts";

type Groups = Pick<Statistics, "totalGroups" | "groups">;
/** What is asked for, with its days as numbers. */
type Asked = Choice & Omit<StatisticsQuery, "from" | "to"> & { readonly days: Days };

/**
 * Reads statistics in SQL. Rows of months and days are added up: as few as there can be. Who asks what is being read shares
 * the answer, as many look at the same page.
 */
export class SqlStatisticsStore implements StatisticsStore {
  readonly #database: Pick<Database, "read">;
  readonly #underWay = new Map<string, Promise<Statistics>>();

  constructor(database: Pick<Database, "read">) {
    this.#database = database;
  }

  query(query: StatisticsQuery): Promise<Statistics> {
    const key = keyOf(query);
    return this.#underWay.getOrInsertComputed(
      key,
      () => this.#query(query).finally(() => this.#underWay.delete(key)),
    );
  }

  #query(query: StatisticsQuery): Promise<Statistics> {
    const days = { from: dayOf(query.from), to: dayOf(query.to) };
    return this.#database.read(async (db) => {
      const asked = { ...query, days, branch: query.branch, workflows: workflowsOf(db, query) };
      const [totals, groups] = await Promise.all([
        sumUp(db, { ...asked, spans: byMonth(days) }),
        groupsOf(db, asked),
      ]);
      return { totals: totals.toStatistics(), ...groups };
    });
  }
}

/** The same for those alone who ask for the same, and may see the same. */
function keyOf({ visible, ...query }: StatisticsQuery): string {
  const names = visible === "all" ? visible : [...visible].sort();
  return JSON.stringify([names, ...Object.entries(query).sort()]);
}

/** The condition on the workflow; rows of all workflows together never meet it. */
function workflowsOf(db: Db, query: StatisticsQuery): RawBuilder<unknown> | undefined {
  const { repository, workflowId } = query;
  const seen = isVisibleIn(db, visibleOf(query), sql`lower(repository)`);
  if (repository === undefined && workflowId === undefined && !seen) return undefined;
  const conditions = [
    ...seen ? [sql`s.workflow_id in (select id from workflows where ${seen})`] : [],
    ...repository === undefined ? [] : [sql`s.workflow_id in (${idsIn([repository])})`],
    ...workflowId === undefined ? [] : [sql`s.workflow_id = ${workflowId}`],
  ];
  return sql.join(conditions, sql` and `);
}

/** Of all workflows of some repositories, named in any case. */
function idsIn(repositories: readonly string[]): RawBuilder<unknown> {
  const names = repositories.map((name) => sql`lower(${name})`);
  return sql`select id from workflows where lower(repository) in (${sql.join(names)})`;
}

function groupsOf(db: Db, asked: Asked): Promise<Groups> {
  switch (asked.groupBy) {
    case "day":
      return groupsOfDays(db, { ...asked, length: 1, firstOf: (day) => day });
    case "week":
      return groupsOfDays(db, { ...asked, length: 7, firstOf: mondayOf });
    case "workflow":
    case "repository":
      return rankedGroups(db, { ...asked, groupBy: asked.groupBy });
  }
}

/** Every day or week has a group, also one without runs. */
async function groupsOfDays(
  db: Db,
  { length, firstOf, days, page, perPage, ...choice }: Asked & {
    /** In days. */
    readonly length: number;
    readonly firstOf: (day: number) => number;
  },
): Promise<Groups> {
  const first = firstOf(days.from);
  const totalGroups = Math.max(0, Math.floor((days.to - first) / length) + 1);
  const start = first + (page - 1) * perPage * length;
  const onPage = {
    from: Math.max(days.from, start),
    to: Math.min(days.to, start + perPage * length - 1),
  };
  if (onPage.from > onPage.to) return { totalGroups, groups: [] };
  const byFirst = new Map<number, RunAggregate>();
  for (let day = firstOf(onPage.from); day <= onPage.to; day += length) {
    byFirst.set(day, new RunAggregate());
  }
  for (
    const [day, tally] of await sumUpBy(db, DAY, { ...choice, days: onPage, spans: byDay(onPage) })
  ) {
    byFirst.get(firstOf(day))?.addAll(tally);
  }
  const groups = [...byFirst].map(([day, tally]): StatisticsGroup => ({
    key: dateOf(day),
    statistics: tally.toStatistics(),
  }));
  return { totalGroups, groups };
}

/** Those with most runs first. */
async function rankedGroups(
  db: Db,
  { groupBy, ...asked }: Asked & { readonly groupBy: "workflow" | "repository" },
): Promise<Groups> {
  const spans = byMonth(asked.days);
  const { total, ranked } = await rank(db, { ...asked, by: groupBy, spans });
  if (ranked.length === 0) return { totalGroups: total, groups: [] };
  const keyOfWorkflow =
    await (groupBy === "workflow"
      ? new Map(ranked.map(({ id }) => [id, String(id)]))
      : repositoriesOf(db, ranked.map(({ repository }) => repository)));
  const onPage = sql`s.workflow_id in (${sql.join([...keyOfWorkflow.keys()])})`;
  const sums = await sumUpBy(db, WORKFLOW, {
    workflows: asked.workflows ? sql`${onPage} and ${asked.workflows}` : onPage,
    branch: asked.branch,
    days: asked.days,
    spans,
  });
  const byKey = new Map<string, RunAggregate>();
  for (const [workflow, tally] of sums) {
    const key = keyOfWorkflow.get(workflow) ?? "";
    const sum = byKey.get(key);
    if (sum) sum.addAll(tally);
    else byKey.set(key, tally);
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
async function repositoriesOf(
  db: Db,
  repositories: readonly string[],
): Promise<ReadonlyMap<number, string>> {
  const { rows } = await sql<{ id: number; repository: string }>`
    select id, repository from workflows where id in (${idsIn(repositories)})`.execute(db);
  return new Map(rows.map(({ id, repository }) => [id, repository]));
}
