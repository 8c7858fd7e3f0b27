/**
 * Keeps what is counted of runs in step with them, in the transaction that changes them:
 *
 *   await countRuns(tx, ids);   // of runs that were put, changed or deleted, or of whose jobs or attempts that holds
 *
 * What is counted of a run stands in `run_facts`, and its sums by workflow and day in `statistics`: four rows hold each run,
 * those of its day and of its month, of its workflow and of all.
 */
import { sql } from "kysely";
import { RunAggregate } from "../../run/aggregate.ts";
import type { Tx } from "../database.ts";
import { isPostgres } from "../clauses.ts";
import {
  deriveFacts,
  hasEqualOwnFacts,
  hasSamePosition,
  readFacts,
  toFacts,
  writeFacts,
} from "../run/run_facts.ts";
import { nextRunIds, recomputeSequenceFacts } from "../run/run_sequence.ts";
import { addToStatistics } from "../statistics_add.ts";
import { type StatisticsKey, toStatisticsKeys } from "./row.ts";
import type { RunFactsTable } from "../tables.ts";

/** Runs that are counted by the same statements. */
const BATCH_RUNS = 128;
/** Any number that no other program would lock. */
const ADVISORY_LOCK = 723_391;

/**
 * Counts these runs as they are now, and takes off what was counted of them before. Comes after all other changes of runs in
 * a transaction, and only event numbers are given after it: until the transaction ends no other one counts.
 */
export async function updateStatistics(tx: Tx, ids: Iterable<number>): Promise<void> {
  const all = [...new Set(ids)];
  if (all.length === 0) return;
  await lockStatistics(tx);
  for (let start = 0; start < all.length; start += BATCH_RUNS) {
    await updateBatch(tx, all.slice(start, start + BATCH_RUNS));
  }
}

/**
 * On PostgreSQL one transaction counts at a time, as each run is counted in a row of all: the others would wait for that row
 * anyway, and might wait for each other. What another one has counted is seen once its turn is over.
 */
export async function lockStatistics(tx: Tx): Promise<void> {
  if (!isPostgres(tx)) return;
  await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)}, hashtext(current_schema()))`
    .execute(tx);
}

async function updateBatch(tx: Tx, ids: readonly number[]): Promise<void> {
  const old = await readFacts(tx, ids);
  const next = await deriveFacts(tx, ids);
  const changed = ids.filter((id) => hasChanged(old.get(id), next.get(id)));
  if (changed.length === 0) return;
  const leaving = changed.filter((id) => hasLeftSequence(old.get(id), next.get(id)));
  const before = await nextRunIds(tx, leaving);
  await writeFacts(tx, {
    rows: changed.flatMap((id) => next.get(id) ?? []),
    deletedIds: changed.filter((id) => !next.has(id)),
  });
  const after = await nextRunIds(tx, changed);
  const neighbors = new Set([...before, ...after]).difference(new Set(changed));
  const current = new Map([...old, ...await readFacts(tx, [...neighbors])]);
  const recomputed = await recomputeSequenceFacts(tx, [...changed, ...neighbors]);
  await addToStatistics(tx, statisticsDelta([...changed, ...neighbors], current, recomputed));
}

function hasChanged(old: RunFactsTable | undefined, next: RunFactsTable | undefined): boolean {
  return old && next ? !hasEqualOwnFacts(old, next) : old !== next;
}

/** Whether a run no longer stands where others were judged beside it. */
function hasLeftSequence(old: RunFactsTable | undefined, next: RunFactsTable | undefined): boolean {
  if (!old || old.is_failure === null) return false;
  return !next || next.is_failure === null || !hasSamePosition(old, next);
}

/** What is to be added to which rows. */
function statisticsDelta(
  ids: readonly number[],
  old: ReadonlyMap<number, RunFactsTable>,
  next: ReadonlyMap<number, RunFactsTable>,
): ReadonlyMap<StatisticsKey, RunAggregate> {
  const byText = new Map<
    string,
    { readonly key: StatisticsKey; readonly aggregate: RunAggregate }
  >();
  const add = (row: RunFactsTable, times: 1 | -1) => {
    for (const key of toStatisticsKeys(row)) {
      const text = Object.values(key).join("/");
      const { aggregate } = byText.getOrInsertComputed(
        text,
        () => ({ key, aggregate: new RunAggregate() }),
      );
      aggregate.add(toFacts(row), times);
    }
  };
  for (const id of ids) {
    const [before, after] = [old.get(id), next.get(id)];
    if (before && after && hasEqualFacts(before, after)) continue;
    if (before) add(before, -1);
    if (after) add(after, 1);
  }
  return new Map([...byText.values()].map(({ key, aggregate }) => [key, aggregate]));
}

function hasEqualFacts(a: RunFactsTable, b: RunFactsTable): boolean {
  return hasEqualOwnFacts(a, b) && a.is_flaky === b.is_flaky && a.recovery_ms === b.recovery_ms;
}
