import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { ChangeSet } from "../run/change_set.ts";
import { applyChanges } from "./change.ts";
import type { Tx } from "./database.ts";
import { appendEach } from "./event.ts";

/** A delivery that is kept, and what it tells. */
export interface Waiting {
  readonly id: string;
  readonly changes: ChangeSet;
}

/**
 * Applies deliveries that were kept, and marks them as done. Returns the events that tell each of them: none for one that is
 * done already, or unknown.
 */
export async function applyWaiting(
  tx: Tx,
  waiting: readonly Waiting[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  const rows = await tx.updateTable("deliveries")
    .set({ state: "done", done_ms: clock.now(), payload: null })
    .where("id", "in", waiting.map(({ id }) => id)).where("state", "!=", "done")
    .returning("id").execute();
  const due = new Set(rows.map(({ id }) => id));
  // Each id once, however often it was handed in.
  const mine = waiting.filter(({ id }) => due.delete(id));
  const events = await applyInOrder(tx, mine.map(({ changes }) => changes), { clock });
  const byDelivery = new Map(mine.map((each, at) => [each, events[at] ?? []]));
  return waiting.map((each) => byDelivery.get(each) ?? []);
}

/** Applies what deliveries tell, one after the other. Returns the events that tell each of them. */
export async function applyInOrder(
  tx: Tx,
  told: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  return await appendEach(tx, await applyChanges(tx, told, { clock }), { clock });
}
