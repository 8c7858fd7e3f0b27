import { type RawBuilder, sql } from "kysely";
import { DAY_MS } from "../../clock.ts";
import { Histogram } from "../../run/histogram.ts";
import { mapCounters, RunAggregate } from "../../run/aggregate.ts";
import type { Db } from "../database.ts";
import { ALL_WORKFLOWS, COUNTER_COLUMNS, toAggregate } from "./row.ts";
import type { DayRange, RowRange } from "./day_range.ts";
import type { StatisticsTable } from "../tables.ts";
import { yieldToEventLoop } from "../engine/group_commit.ts";

/** Characters of histograms after which others get a turn: a few milliseconds' work. */
const YIELD_AFTER_CHARACTERS = 200_000;

/** Which runs are added up. */
export interface Selection {
  /** A condition on `s.workflow_id`; `undefined` for all together. */
  readonly workflows: RawBuilder<unknown> | undefined;
  /** `undefined` for all together. */
  readonly branch: string | undefined;
}

/** What sums are told apart by: expressions over a row `s` of each table. */
export interface GroupKey {
  readonly inStatistics: RawBuilder<unknown>;
  readonly inFacts: RawBuilder<unknown>;
}

/** Alike in all rows of a part: a query that groups nothing would tell of no runs too. */
const UNGROUPED: GroupKey = {
  inStatistics: sql`s.unit`,
  inFacts: sql`length(s.non_default_branch)`,
};
/** No column alone: SQLite would go through all workflows by an index that is in the order of the days. */
export const BY_DAY: GroupKey = {
  inStatistics: sql`s.day + 0`,
  inFacts: sql`s.created_ms / ${sql.lit(DAY_MS)}`,
};
export const BY_WORKFLOW: GroupKey = {
  inStatistics: sql`s.workflow_id`,
  inFacts: sql`s.workflow_id`,
};

/** Which rows make up the runs of some days. */
export interface AggregateQuery extends Selection {
  readonly days: DayRange;
  readonly ranges: readonly RowRange[];
}

/** Adds up what is counted of the runs of some days. */
export async function readTotal(db: Db, query: AggregateQuery): Promise<RunAggregate> {
  const sum = new RunAggregate();
  for (const aggregate of (await readGrouped(db, UNGROUPED, query)).values()) sum.addAll(aggregate);
  return sum;
}

/** Adds up what is counted of the runs of some days, told apart by `key`. */
export async function readGrouped(
  db: Db,
  key: GroupKey,
  query: AggregateQuery,
): Promise<ReadonlyMap<number, RunAggregate>> {
  const [statisticsRows, factsRows] = await Promise.all([
    selectStatisticsSums(db, key, query),
    query.branch === undefined ? [] : selectFactsSums(db, key, query),
  ]);
  const groups = new Map<number, RunAggregate>();
  const add = (group: number, aggregate: RunAggregate, times: 1 | -1) => {
    const sum = groups.get(group);
    if (sum) sum.addAll(aggregate, times);
    // The first is the sum, which is the most of what there is to add.
    else groups.set(group, times === 1 ? aggregate : negate(aggregate));
  };
  let read = 0;
  for (const { key: group, times, ...row } of statisticsRows) {
    add(group, toAggregate(row), times);
    read += row.duration_histogram.length + row.queue_histogram.length;
    if (read < YIELD_AFTER_CHARACTERS) continue;
    read = 0;
    await yieldToEventLoop();
  }
  for (const { key: group, ...row } of factsRows) add(group, factsToAggregate(row), 1);
  return groups;
}

export type AggregateRow = Omit<StatisticsTable, "workflow_id" | "unit" | "day" | "branch">;

/** Of rows `s` of statistics. */
export const STATISTICS_SUMS = sql`${
  sql.join(Object.values(COUNTER_COLUMNS).map((column) => sumColumn(column)))
}, string_agg(s.duration_histogram, ',') as duration_histogram, string_agg(s.queue_histogram, ',') as queue_histogram`;

/** Of rows `s` of run_facts. */
export const FACTS_SUMS = sql`count(*) as runs,
  ${countOutcome("success")} as successes, ${countOutcome("failure")} as failures,
  ${countOutcome("cancelled")} as cancelled, ${countOutcome("timed_out")} as timed_out,
  ${sumColumn("duration_ms")}, ${sumColumn("queue_ms")}, ${sumColumn("reruns")}, ${
  sumColumn("minutes")
},
  ${sumColumn("is_flaky", "flaky")}, count(s.recovery_ms) as recoveries, ${
  sumColumn("recovery_ms")
},
  string_agg(cast(s.duration_ms as text), ',') as duration_histogram,
  string_agg(cast(s.queue_ms as text), ',') as queue_histogram`;

function negate(aggregate: RunAggregate): RunAggregate {
  const sum = new RunAggregate();
  sum.addAll(aggregate, -1);
  return sum;
}

/** One statement, so that what is taken off is what was added. */
async function selectStatisticsSums(
  db: Db,
  key: GroupKey,
  { ranges: spans, ...selection }: AggregateQuery,
): Promise<readonly (AggregateRow & { readonly key: number; readonly times: 1 | -1 })[]> {
  const parts = spans.map((range) =>
    sql`select ${key.inStatistics} as key, ${sql.lit(range.sign)} as times, ${STATISTICS_SUMS}
      from statistics s where ${statisticsCondition(range, selection)} group by ${key.inStatistics}`
  );
  const { rows } = await sql<AggregateRow & { key: number; times: 1 | -1 }>`${
    sql.join(parts, sql` union all `)
  }`.execute(db);
  return rows;
}

/** The condition on rows `s` of statistics. */
export function statisticsCondition(
  range: RowRange,
  { workflows, branch }: Selection,
): RawBuilder<unknown> {
  return sql`s.unit = ${range.unit} and s.day between ${range.from} and ${range.to}
    and ${workflows ?? sql`s.workflow_id = ${sql.lit(ALL_WORKFLOWS)}`}
    ${branch === undefined ? sql`` : sql`and s.branch = ${branch}`}`;
}

/** The condition on rows `s` of run_facts: those on the branch that statistics count among other branches. */
export function factsCondition(
  days: DayRange,
  { workflows, branch }: Selection,
): RawBuilder<unknown> {
  return sql`s.non_default_branch = ${branch}
    and s.created_ms >= ${days.from * DAY_MS} and s.created_ms < ${(days.to + 1) * DAY_MS}
    ${workflows ? sql`and ${workflows}` : sql``}`;
}

export type FactsAggregateRow = Omit<AggregateRow, "duration_histogram" | "queue_histogram"> & {
  readonly duration_histogram: string | null;
  readonly queue_histogram: string | null;
};

async function selectFactsSums(
  db: Db,
  key: GroupKey,
  { days, ...selection }: AggregateQuery,
): Promise<readonly (FactsAggregateRow & { readonly key: number })[]> {
  const { rows } = await sql<FactsAggregateRow & { key: number }>`
    select ${key.inFacts} as key, ${FACTS_SUMS} from run_facts s
    where ${factsCondition(days, selection)} group by ${key.inFacts}`.execute(db);
  return rows;
}

export function factsToAggregate(row: FactsAggregateRow): RunAggregate {
  return new RunAggregate({
    counters: mapCounters((name) => row[COUNTER_COLUMNS[name]]),
    durations: Histogram.of(parseNumbers(row.duration_histogram)),
    queues: Histogram.of(parseNumbers(row.queue_histogram)),
  });
}

function countOutcome(outcome: string): RawBuilder<number> {
  return sql`cast(sum(case s.outcome when ${sql.lit(outcome)} then 1 else 0 end) as bigint)`;
}

/** PostgreSQL adds up to numbers without end. */
function sumColumn(column: string, name = column): RawBuilder<number> {
  return sql`cast(coalesce(sum(s.${sql.ref(column)}), 0) as bigint) as ${sql.ref(name)}`;
}

/** A list with commas; of nothing there is none. */
function parseNumbers(list: string | null): readonly number[] {
  return list === null ? [] : list.split(",").map(Number);
}
