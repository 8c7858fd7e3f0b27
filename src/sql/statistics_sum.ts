import { type RawBuilder, sql } from "kysely";
import { DAY_MS } from "../clock.ts";
import { Histogram } from "../run/histogram.ts";
import { mapCounters, RunAggregate } from "../run/aggregate.ts";
import type { Db } from "./database.ts";
import { ALL_WORKFLOWS, SUM_COLUMNS, tallyOfRow } from "./statistics_row.ts";
import type { Days, Span } from "./statistics_span.ts";
import type { StatisticsTable } from "./tables.ts";
import { turn } from "./writer.ts";

/** Characters of histograms after which others get a turn: a few milliseconds' work. */
const READ_AT_ONCE = 200_000;

/** Which runs are added up. */
export interface Choice {
  /** A condition on `s.workflow_id`; `undefined` for all together. */
  readonly workflows: RawBuilder<unknown> | undefined;
  /** `undefined` for all together. */
  readonly branch: string | undefined;
}

/** What sums are told apart by: expressions over a row `s` of each table. */
export interface Key {
  readonly inStatistics: RawBuilder<unknown>;
  readonly inFacts: RawBuilder<unknown>;
}

/** Alike in all rows of a part: a query that groups nothing would tell of no runs too. */
const TOTAL: Key = { inStatistics: sql`s.unit`, inFacts: sql`length(s.other_branch)` };
/** No column alone: SQLite would go through all workflows by an index that is in the order of the days. */
export const DAY: Key = {
  inStatistics: sql`s.day + 0`,
  inFacts: sql`s.created_ms / ${sql.lit(DAY_MS)}`,
};
export const WORKFLOW: Key = { inStatistics: sql`s.workflow_id`, inFacts: sql`s.workflow_id` };

/** Which rows make up the runs of some days. */
export interface Spread extends Choice {
  readonly days: Days;
  readonly spans: readonly Span[];
}

/** Adds up what is counted of the runs of some days. */
export async function sumUp(db: Db, spread: Spread): Promise<RunAggregate> {
  const sum = new RunAggregate();
  for (const tally of (await sumUpBy(db, TOTAL, spread)).values()) sum.addAll(tally);
  return sum;
}

/** Adds up what is counted of the runs of some days, told apart by `key`. */
export async function sumUpBy(
  db: Db,
  key: Key,
  spread: Spread,
): Promise<ReadonlyMap<number, RunAggregate>> {
  const [ofRows, ofRuns] = await Promise.all([
    sumsOfStatistics(db, key, spread),
    spread.branch === undefined ? [] : sumsOfFacts(db, key, spread),
  ]);
  const sums = new Map<number, RunAggregate>();
  const add = (of: number, tally: RunAggregate, times: 1 | -1) => {
    const sum = sums.get(of);
    if (sum) sum.addAll(tally, times);
    // The first is the sum, which is the most of what there is to add.
    else sums.set(of, times === 1 ? tally : negative(tally));
  };
  let read = 0;
  for (const { key: of, times, ...row } of ofRows) {
    add(of, tallyOfRow(row), times);
    read += row.durations.length + row.queues.length;
    if (read < READ_AT_ONCE) continue;
    read = 0;
    await turn();
  }
  for (const { key: of, ...row } of ofRuns) add(of, tallyOfFacts(row), 1);
  return sums;
}

export type Sum = Omit<StatisticsTable, "workflow_id" | "unit" | "day" | "branch">;

/** Of rows `s` of statistics. */
export const SUMS_OF_STATISTICS = sql`${
  sql.join(Object.values(SUM_COLUMNS).map((column) => sumOf(column)))
}, string_agg(s.durations, ',') as durations, string_agg(s.queues, ',') as queues`;

/** Of rows `s` of run_facts. */
export const SUMS_OF_FACTS = sql`count(*) as runs,
  ${countOf("success")} as successes, ${countOf("failure")} as failures,
  ${countOf("cancelled")} as cancelled, ${countOf("timed_out")} as timed_out,
  ${sumOf("duration_ms")}, ${sumOf("queue_ms")}, ${sumOf("reruns")}, ${sumOf("minutes")},
  ${sumOf("is_flaky", "flaky")}, count(s.recovery_ms) as recoveries, ${sumOf("recovery_ms")},
  string_agg(cast(s.duration_ms as text), ',') as durations,
  string_agg(cast(s.queue_ms as text), ',') as queues`;

function negative(tally: RunAggregate): RunAggregate {
  const sum = new RunAggregate();
  sum.addAll(tally, -1);
  return sum;
}

/** One statement, so that what is taken off is what was added. */
async function sumsOfStatistics(
  db: Db,
  key: Key,
  { spans, ...choice }: Spread,
): Promise<readonly (Sum & { readonly key: number; readonly times: 1 | -1 })[]> {
  const parts = spans.map((span) =>
    sql`select ${key.inStatistics} as key, ${sql.lit(span.times)} as times, ${SUMS_OF_STATISTICS}
      from statistics s where ${whereOfStatistics(span, choice)} group by ${key.inStatistics}`
  );
  const { rows } = await sql<Sum & { key: number; times: 1 | -1 }>`${
    sql.join(parts, sql` union all `)
  }`.execute(db);
  return rows;
}

/** The condition on rows `s` of statistics. */
export function whereOfStatistics(span: Span, { workflows, branch }: Choice): RawBuilder<unknown> {
  return sql`s.unit = ${span.unit} and s.day between ${span.from} and ${span.to}
    and ${workflows ?? sql`s.workflow_id = ${sql.lit(ALL_WORKFLOWS)}`}
    ${branch === undefined ? sql`` : sql`and s.branch = ${branch}`}`;
}

/** The condition on rows `s` of run_facts: those on the branch that statistics count among other branches. */
export function whereOfFacts(days: Days, { workflows, branch }: Choice): RawBuilder<unknown> {
  return sql`s.other_branch = ${branch}
    and s.created_ms >= ${days.from * DAY_MS} and s.created_ms < ${(days.to + 1) * DAY_MS}
    ${workflows ? sql`and ${workflows}` : sql``}`;
}

export type SumOfFacts = Omit<Sum, "durations" | "queues"> & {
  readonly durations: string | null;
  readonly queues: string | null;
};

async function sumsOfFacts(
  db: Db,
  key: Key,
  { days, ...choice }: Spread,
): Promise<readonly (SumOfFacts & { readonly key: number })[]> {
  const { rows } = await sql<SumOfFacts & { key: number }>`
    select ${key.inFacts} as key, ${SUMS_OF_FACTS} from run_facts s
    where ${whereOfFacts(days, choice)} group by ${key.inFacts}`.execute(db);
  return rows;
}

export function tallyOfFacts(row: SumOfFacts): RunAggregate {
  return new RunAggregate({
    counters: mapCounters((name) => row[SUM_COLUMNS[name]]),
    durations: Histogram.of(numbers(row.durations)),
    queues: Histogram.of(numbers(row.queues)),
  });
}

function countOf(verdict: string): RawBuilder<number> {
  return sql`cast(sum(case s.verdict when ${sql.lit(verdict)} then 1 else 0 end) as bigint)`;
}

/** PostgreSQL adds up to numbers without end. */
function sumOf(column: string, name = column): RawBuilder<number> {
  return sql`cast(coalesce(sum(s.${sql.ref(column)}), 0) as bigint) as ${sql.ref(name)}`;
}

/** A list with commas; of nothing there is none. */
function numbers(list: string | null): readonly number[] {
  return list === null ? [] : list.split(",").map(Number);
}
