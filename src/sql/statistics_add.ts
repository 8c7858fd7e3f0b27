import { sql } from "kysely";
import type { RunAggregate } from "../run/aggregate.ts";
import type { Db, Tx } from "./database.ts";
import { type StatisticsKey, toAggregate, toStatisticsRow } from "./statistics/row.ts";
import type { StatisticsTable } from "./tables.ts";

/** Rows that one statement reads or writes: SQLite takes 32,766 values. */
const BATCH_ROWS = 1_000;

/** Adds to rows what is counted more, or less. The statistics are locked. */
export async function addToStatistics(
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

/** Writes rows in place of those that are there. The statistics are locked. */
export async function writeRows(tx: Tx, rows: readonly StatisticsTable[]): Promise<void> {
  for (let start = 0; start < rows.length; start += BATCH_ROWS) {
    await upsert(tx, rows.slice(start, start + BATCH_ROWS));
  }
}

async function upsert(tx: Tx, rows: readonly StatisticsTable[]): Promise<void> {
  await tx.insertInto("statistics").values(rows)
    .onConflict((conflict) =>
      conflict.columns(["workflow_id", "unit", "day", "branch"]).doUpdateSet((eb) => ({
        runs: eb.ref("excluded.runs"),
        successes: eb.ref("excluded.successes"),
        failures: eb.ref("excluded.failures"),
        cancelled: eb.ref("excluded.cancelled"),
        timed_out: eb.ref("excluded.timed_out"),
        duration_ms: eb.ref("excluded.duration_ms"),
        queue_ms: eb.ref("excluded.queue_ms"),
        reruns: eb.ref("excluded.reruns"),
        flaky: eb.ref("excluded.flaky"),
        minutes: eb.ref("excluded.minutes"),
        recoveries: eb.ref("excluded.recoveries"),
        recovery_ms: eb.ref("excluded.recovery_ms"),
        duration_histogram: eb.ref("excluded.duration_histogram"),
        queue_histogram: eb.ref("excluded.queue_histogram"),
      }))
    )
    .execute();
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
