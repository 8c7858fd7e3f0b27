import type { Database, Tx } from "./database.ts";

/** Deletes rows turn by turn, so that others may write between two, until `deleteSome` finds none. Returns how many. */
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
