import { type RawBuilder, sql } from "kysely";
import { DAY_MS } from "../../clock.ts";
import { type Counters, mapCounters, RunAggregate } from "../../run/aggregate.ts";
import { Histogram } from "../../run/histogram.ts";
import { yieldToEventLoop } from "../engine/group_commit.ts";
import type { Db } from "../handles.ts";
import type { RunFactsTable, StatisticsTable } from "../tables.ts";
import { type DayRange, type RowRange, startOfMonth } from "./day_range.ts";

/** Characters of histograms parsed before yielding to the event loop: a few milliseconds of work. */
const YIELD_AFTER_CHARACTERS = 200_000;

/** The workflow_id of the sums of all workflows. */
export const ALL_WORKFLOWS = 0;
/** The branch of the sums of all branches except the default one. */
export const OTHER_BRANCHES = "";

export type StatisticsKey = Pick<StatisticsTable, "workflow_id" | "unit" | "day" | "branch">;

/** The column of each counter. */
const COUNTER_COLUMNS = {
  runs: "runs",
  successes: "successes",
  failures: "failures",
  cancelled: "cancelled",
  timedOut: "timed_out",
  durationMs: "duration_ms",
  queueMs: "queue_ms",
  reruns: "reruns",
  flaky: "flaky",
  minutes: "minutes",
  recoveries: "recoveries",
  recoveryMs: "recovery_ms",
} as const satisfies Record<keyof Counters, keyof StatisticsTable>;

/** The keys of the rows that count a run. */
export function toStatisticsKeys(run: RunFactsTable): readonly StatisticsKey[] {
  const branch = run.is_default_branch === 1 && run.branch !== null ? run.branch : OTHER_BRANCHES;
  const day = Math.floor(run.created_ms / DAY_MS);
  return [ALL_WORKFLOWS, run.workflow_id].flatMap((workflow_id) => [
    { workflow_id, unit: "day", day, branch },
    { workflow_id, unit: "month", day: startOfMonth(day), branch },
  ]);
}

export function toStatisticsRow(
  key: StatisticsKey,
  { counters, durations, queues }: RunAggregate,
): StatisticsTable {
  return {
    ...key,
    runs: counters.runs,
    successes: counters.successes,
    failures: counters.failures,
    cancelled: counters.cancelled,
    timed_out: counters.timedOut,
    duration_ms: counters.durationMs,
    queue_ms: counters.queueMs,
    reruns: counters.reruns,
    flaky: counters.flaky,
    minutes: counters.minutes,
    recoveries: counters.recoveries,
    recovery_ms: counters.recoveryMs,
    duration_histogram: durations.toString(),
    queue_histogram: queues.toString(),
  };
}

/** Parses a row, or the sum of several, whose histograms are joined by commas. */
export function toAggregate(row: Omit<StatisticsTable, keyof StatisticsKey>): RunAggregate {
  return new RunAggregate({
    counters: mapCounters((name) => row[COUNTER_COLUMNS[name]]),
    durations: Histogram.parse(row.duration_histogram),
    queues: Histogram.parse(row.queue_histogram),
  });
}

/** The filter of an aggregate. */
export interface Selection {
  /** A condition on `s.workflow_id`; `undefined` for the sums of all workflows. */
  readonly workflows: RawBuilder<unknown> | undefined;
  /** `undefined` for all branches. */
  readonly branch: string | undefined;
}

/** The expression that groups sums, over a row `s` of each table. */
interface GroupKey {
  readonly inStatistics: RawBuilder<unknown>;
  readonly inFacts: RawBuilder<unknown>;
}

/** One group for all rows; without GROUP BY a query returns a row even if there are no runs. */
const UNGROUPED: GroupKey = {
  inStatistics: sql`s.unit`,
  inFacts: sql`length(s.non_default_branch)`,
};
/** Not the plain column: SQLite would scan all workflows along an index in the order of days. */
export const BY_DAY: GroupKey = {
  inStatistics: sql`s.day + 0`,
  inFacts: sql`s.created_ms / ${sql.lit(DAY_MS)}`,
};
export const BY_WORKFLOW: GroupKey = {
  inStatistics: sql`s.workflow_id`,
  inFacts: sql`s.workflow_id`,
};

/** An aggregate over a range of days, with the rows that add up to it. */
export interface AggregateQuery extends Selection {
  readonly days: DayRange;
  readonly ranges: readonly RowRange[];
}

/** Adds up the runs of a range of days. */
export async function readTotal(db: Db, query: AggregateQuery): Promise<RunAggregate> {
  const sum = new RunAggregate();
  for (const aggregate of (await readGrouped(db, UNGROUPED, query)).values()) sum.addAll(aggregate);
  return sum;
}

/** Adds up the runs of a range of days, grouped by `key`. */
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
    // The first aggregate becomes the sum, so that it is not copied.
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

/** The sums over rows `s` of statistics. */
export const STATISTICS_SUMS = sql`${
  sql.join(Object.values(COUNTER_COLUMNS).map((column) => sumColumn(column)))
}, string_agg(s.duration_histogram, ',') as duration_histogram, string_agg(s.queue_histogram, ',') as queue_histogram`;

/** The sums over rows `s` of run_facts. */
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

/** One statement, so that additions and subtractions see the same data. */
async function selectStatisticsSums(
  db: Db,
  key: GroupKey,
  { ranges, ...selection }: AggregateQuery,
): Promise<readonly (AggregateRow & { readonly key: number; readonly times: 1 | -1 })[]> {
  const parts = ranges.map((range) =>
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

/** The condition on rows `s` of run_facts with a non-default branch, which the statistics do not count separately. */
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
    durations: Histogram.from(parseNumbers(row.duration_histogram)),
    queues: Histogram.from(parseNumbers(row.queue_histogram)),
  });
}

function countOutcome(outcome: string): RawBuilder<number> {
  return sql`cast(sum(case s.outcome when ${sql.lit(outcome)} then 1 else 0 end) as bigint)`;
}

/** Cast to bigint, because the sum of bigint columns is numeric in PostgreSQL. */
function sumColumn(column: string, name = column): RawBuilder<number> {
  return sql`cast(coalesce(sum(s.${sql.ref(column)}), 0) as bigint) as ${sql.ref(name)}`;
}

/** Parses a comma-separated list; string_agg() of no rows is `null`. */
function parseNumbers(list: string | null): readonly number[] {
  return list === null ? [] : list.split(",").map(Number);
}
