import { type RawBuilder, sql } from "kysely";
import type { Database } from "./database.ts";
import type { Db, Tx } from "./handles.ts";

/** Rows deleted per transaction: few enough that other writers do not wait long. */
export const DELETE_BATCH_ROWS = 1_000;

/** A table whose rows are numbered by `seq` in the order of their time. */
export interface SequencedTable {
  readonly name: "events" | "messages";
  readonly timeColumn: "at_ms" | "created_ms";
  /** The sequence number that `count` newer rows follow; 0 if there are fewer rows. */
  readonly seqBefore: (db: Db, count: number) => Promise<number>;
}

/**
 * Deletes the oldest rows: those before the time `before` (ms), and all but the newest `count`. If the clock was set back, a
 * row stays as long as an older one does, so that no gap appears. Returns the number of deleted rows.
 */
export async function pruneSequence(
  database: Database,
  table: SequencedTable,
  { before, count }: { readonly before: number; readonly count: number },
): Promise<number> {
  const end = await database.read((db) => firstRetainedSeq(db, table, { before, count }));
  return await deleteInBatches(database, (tx) => deleteBatchBefore(tx, table, end));
}

/** The newest row is read first, so that rows appended during the read are retained. */
async function firstRetainedSeq(
  db: Db,
  { name, timeColumn, seqBefore }: SequencedTable,
  { before, count }: { readonly before: number; readonly count: number },
): Promise<number> {
  const last = await seqBefore(db, 0);
  const firstRecent = await selectSeq(
    db,
    sql`from ${sql.table(name)} where ${sql.ref(timeColumn)} >= ${before} order by seq limit 1`,
  );
  return Math.max(firstRecent ?? last + 1, await seqBefore(db, count) + 1);
}

async function deleteBatchBefore(
  tx: Tx,
  { name }: SequencedTable,
  end: number,
): Promise<{ readonly numDeletedRows: bigint }> {
  const batchEnd = await selectSeq(
    tx,
    sql`from ${
      sql.table(name)
    } where seq < ${end} order by seq limit 1 offset ${DELETE_BATCH_ROWS}`,
  );
  const { numAffectedRows = 0n } = await sql`delete from ${sql.table(name)}
    where seq < ${batchEnd ?? end}`.execute(tx);
  return { numDeletedRows: numAffectedRows };
}

async function selectSeq(db: Db, from: RawBuilder<unknown>): Promise<number | undefined> {
  const { rows } = await sql<{ seq: number }>`select seq ${from}`.execute(db);
  return rows[0]?.seq;
}

/** Calls `deleteBatch` in a transaction each, so that others can write in between, until it deletes no row. */
export async function deleteInBatches(
  database: Database,
  deleteBatch: (tx: Tx) => Promise<{ readonly numDeletedRows: bigint }>,
): Promise<number> {
  let total = 0;
  for (;;) {
    const { numDeletedRows } = await database.write(deleteBatch);
    if (numDeletedRows === 0n) return total;
    total += Number(numDeletedRows);
  }
}
