import { sql } from "kysely";
import { type Clock, DAY_MS } from "../../clock.ts";
import { RunAggregate } from "../../run/aggregate.ts";
import type { Database } from "../database.ts";
import type { Db, Tx } from "../handles.ts";
import {
  type AggregateRow,
  ALL_WORKFLOWS,
  FACTS_SUMS,
  type FactsAggregateRow,
  factsToAggregate,
  OTHER_BRANCHES,
  STATISTICS_SUMS,
  type StatisticsKey,
  toAggregate,
  toStatisticsRow,
} from "./aggregate.ts";
import { startOfMonth, startOfNextMonth } from "./day_range.ts";
import { lockStatistics, updateStatistics, writeRows } from "./update.ts";

/** Runs per transaction: few, because other writers wait for it. */
const BATCH_RUNS = 250;
/** The minimum pause between transactions, in which other writers proceed. */
const MIN_PAUSE_MS = 5;

const STEPS = ["runs", "workflows", "months"] as const;
type RebuildStep = (typeof STEPS)[number];

interface RebuildOptions {
  readonly clock: Clock;
  /** Called at the start of each step. */
  readonly onStep?: (step: RebuildStep) => void;
  readonly onProgress?: (
    step: RebuildStep,
    progress: { readonly done: number; readonly total: number },
  ) => void;
}

/**
 * Recomputes all statistics in place: the facts of each run, then the days and months of each workflow, then the sums of all
 * workflows. Each transaction is short, leaves the statistics consistent, and accounts for concurrent changes. An interrupted
 * rebuild loses nothing.
 */
export async function rebuildStatistics(
  database: Database,
  signal: AbortSignal,
  { clock, onStep, onProgress }: RebuildOptions,
): Promise<void> {
  const { end, ...totals } = await database.read(countTotals);
  const steps: Record<RebuildStep, (tx: Tx, last: number) => Promise<StepResult>> = {
    runs: (tx, last) => rebuildRunsAfter(tx, last, end),
    workflows: rebuildWorkflowAfter,
    months: rebuildMonthAfter,
  };
  for (const step of STEPS) {
    onStep?.(step);
    let [done, last] = [0, -1];
    for (;;) {
      onProgress?.(step, { done, total: Math.max(done, totals[step]) });
      const startedAt = clock.now();
      const next = await database.write((tx) => steps[step](tx, last));
      signal.throwIfAborted();
      if (!next) break;
      done += next.count;
      last = next.last;
      // Pause for as long as the transaction took.
      await clock.sleep(Math.max(MIN_PAUSE_MS, clock.now() - startedAt), signal);
    }
  }
}

/** The number of processed items and the last of them; `undefined` when none is left. */
type StepResult = { readonly count: number; readonly last: number } | undefined;

/** The number of items of each step, and the highest run ID. */
async function countTotals(db: Db): Promise<Record<RebuildStep | "end", number>> {
  const { rows: [row] } = await sql<Record<RebuildStep | "end", number>>`select
    coalesce((select max(id) from workflow_runs), 0) as "end",
    (select count(*) from workflow_runs) as runs,
    (select count(*) from workflows) as workflows,
    (select count(distinct day) from statistics where workflow_id = 0 and unit = 'month') as months`
    .execute(db);
  return row ?? { runs: 0, workflows: 0, months: 0, end: 0 };
}

/** Processes runs by ID, including deleted runs that still have facts. Runs after `end` are new and counted already. */
async function rebuildRunsAfter(tx: Tx, last: number, end: number): Promise<StepResult> {
  if (last >= end) return undefined;
  const { rows } = await sql<{ id: number }>`
    select id from (
      select * from (select id from workflow_runs where id > ${last} order by id limit ${BATCH_RUNS}) as r
      union
      select * from (select run_id from run_facts where run_id > ${last} order by run_id limit ${BATCH_RUNS}) as f
    ) as both_tables order by id limit ${BATCH_RUNS}`.execute(tx);
  await updateStatistics(tx, rows.map(({ id }) => id));
  const latest = rows.at(-1);
  return latest && { count: rows.length, last: latest.id };
}

async function rebuildWorkflowAfter(tx: Tx, last: number): Promise<StepResult> {
  await lockStatistics(tx);
  const floor = Math.max(last, ALL_WORKFLOWS);
  const { rows: [{ id } = { id: null }] } = await sql<{ id: number | null }>`select min(id) as id
    from (select min(workflow_id) as id from run_facts where workflow_id > ${floor}
    union all select min(workflow_id) from statistics where workflow_id > ${floor}) as least`
    .execute(tx);
  if (id === null) return undefined;
  const { rows } = await sql<FactsAggregateRow & DayAndBranch>`
    select s.created_ms / ${sql.lit(DAY_MS)} as day,
      case s.is_default_branch when 1 then s.branch else ${sql.lit(OTHER_BRANCHES)} end as branch,
      ${FACTS_SUMS}
    from run_facts s where s.workflow_id = ${id} group by 1, 2`.execute(tx);
  await tx.deleteFrom("statistics").where("workflow_id", "=", id).execute();
  await writeDays(tx, id, rows.map((row) => ({ ...row, aggregate: factsToAggregate(row) })));
  return { count: 1, last: id };
}

/** Recomputes the sums of all workflows for one month from the rows of the workflows. */
async function rebuildMonthAfter(tx: Tx, last: number): Promise<StepResult> {
  await lockStatistics(tx);
  const { month } = await tx.selectFrom("statistics").where("unit", "=", "month")
    .where("day", ">", last).select((eb) => eb.fn.min<number | null>("day").as("month"))
    .executeTakeFirstOrThrow();
  if (month === null) return undefined;
  const { rows } = await sql<AggregateRow & DayAndBranch>`
    select s.day, s.branch, ${STATISTICS_SUMS} from statistics s
    where s.unit = 'day' and s.day >= ${month} and s.day < ${startOfNextMonth(month)}
      and s.workflow_id > ${ALL_WORKFLOWS}
    group by s.day, s.branch`.execute(tx);
  await tx.deleteFrom("statistics").where("workflow_id", "=", ALL_WORKFLOWS)
    .where("unit", "in", ["day", "month"])
    .where("day", ">=", month).where("day", "<", startOfNextMonth(month)).execute();
  await writeDays(tx, ALL_WORKFLOWS, rows.map((row) => ({ ...row, aggregate: toAggregate(row) })));
  return { count: 1, last: month };
}

interface DayAndBranch {
  readonly day: number;
  readonly branch: string;
}

/** Writes days, and the months they add up to. */
async function writeDays(
  tx: Tx,
  workflow_id: number,
  days: readonly (DayAndBranch & { readonly aggregate: RunAggregate })[],
): Promise<void> {
  const months = new Map<
    string,
    { readonly key: StatisticsKey; readonly aggregate: RunAggregate }
  >();
  for (const { day, branch, aggregate } of days) {
    const key = { workflow_id, unit: "month", day: startOfMonth(day), branch } as const;
    months.getOrInsertComputed(
      `${key.day} ${branch}`,
      () => ({ key, aggregate: new RunAggregate() }),
    )
      .aggregate.addAll(aggregate);
  }
  await writeRows(tx, [
    ...days.map(({ day, branch, aggregate }) =>
      toStatisticsRow({ workflow_id, unit: "day", day, branch }, aggregate)
    ),
    ...[...months.values()].map(({ key, aggregate }) => toStatisticsRow(key, aggregate)),
  ]);
}
