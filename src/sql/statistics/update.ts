/**
 * Updates the facts and statistics of runs in the transaction that changes the runs:
 *
 *   await updateStatistics(tx, ids);   // runs that were inserted, changed or deleted, or whose jobs or attempts were
 *
 * `run_facts` holds the facts of each run, `statistics` their sums. Four rows count each run: day and month of its workflow,
 * and day and month of all workflows.
 */
import { sql } from "kysely";
import { RunAggregate } from "../../run/aggregate.ts";
import { isPostgres } from "../clauses.ts";
import type { Db, Tx } from "../handles.ts";
import {
  deriveFacts,
  hasEqualOwnFacts,
  hasSamePosition,
  readFacts,
  toFacts,
  writeFacts,
} from "../run/run_facts.ts";
import { nextRunIds, recomputeSequenceFacts } from "../run/run_sequence.ts";
import type { RunFactsTable, StatisticsTable } from "../tables.ts";
import { upsert } from "../upsert.ts";
import { type StatisticsKey, toAggregate, toStatisticsKeys, toStatisticsRow } from "./aggregate.ts";

/** Runs processed by the same statements. */
const BATCH_RUNS = 128;
/** Rows per statement: SQLite binds at most 32,766 values. */
const BATCH_ROWS = 1_000;
/** A number that other programs are unlikely to lock. */
const ADVISORY_LOCK = 723_391;

/**
 * Recomputes the facts of runs and updates the statistics by the difference. Call it after all other changes of runs in a
 * transaction, and before appendEvents(): no other transaction can update statistics until this one ends.
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
 * Lets one PostgreSQL transaction at a time update statistics. Every run is counted in a row of all workflows, so transactions
 * would wait for that row anyway, and could deadlock. The holder of the lock sees what earlier holders wrote.
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

/** Whether a run left its position among the runs whose facts may depend on it. */
function hasLeftSequence(old: RunFactsTable | undefined, next: RunFactsTable | undefined): boolean {
  if (!old || old.is_failure === null) return false;
  return !next || next.is_failure === null || !hasSamePosition(old, next);
}

/** The aggregates to add to each row. */
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

/** Adds aggregates, which may be negative, to rows. The statistics must be locked. */
async function addToStatistics(
  tx: Tx,
  added: ReadonlyMap<StatisticsKey, RunAggregate>,
): Promise<void> {
  const all = [...added];
  for (let start = 0; start < all.length; start += BATCH_ROWS) {
    await addRows(tx, all.slice(start, start + BATCH_ROWS));
  }
}

async function addRows(
  tx: Tx,
  added: readonly (readonly [StatisticsKey, RunAggregate])[],
): Promise<void> {
  const known = new Map<string, StatisticsTable>();
  for (const row of await readRows(tx, added.map(([key]) => key))) known.set(keyText(row), row);
  const rows = added.map(([key, aggregate]) => {
    const row = known.get(keyText(key));
    if (row) aggregate.addAll(toAggregate(row));
    return toStatisticsRow(key, aggregate);
  });
  await writeRows(tx, rows.filter(({ runs }) => runs !== 0));
  await deleteRows(tx, rows.filter(({ runs }) => runs === 0));
}

function keyText({ workflow_id, unit, day, branch }: StatisticsKey): string {
  return `${workflow_id} ${unit} ${day} ${branch}`;
}

async function readRows(
  db: Db,
  keys: readonly StatisticsKey[],
): Promise<readonly StatisticsTable[]> {
  return await db.selectFrom("statistics").selectAll().where(isOneOf(keys)).execute();
}

/** Replaces rows. The statistics must be locked. */
export async function writeRows(tx: Tx, rows: readonly StatisticsTable[]): Promise<void> {
  await upsert(tx, "statistics", rows, { key: ["workflow_id", "unit", "day", "branch"] });
}

async function deleteRows(tx: Tx, keys: readonly StatisticsKey[]): Promise<void> {
  if (keys.length > 0) await tx.deleteFrom("statistics").where(isOneOf(keys)).execute();
}

function isOneOf(keys: readonly StatisticsKey[]) {
  const rows = keys.map(({ workflow_id, unit, day, branch }) =>
    sql`(cast(${workflow_id} as bigint), ${unit}, cast(${day} as integer), ${branch})`
  );
  return sql<boolean>`(workflow_id, unit, day, branch) in (values ${sql.join(rows)})`;
}
