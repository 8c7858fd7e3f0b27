import type { Clock } from "../clock.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { ChangeSet } from "../run/change_set.ts";
import { applyChanges } from "./delivery/apply_changes.ts";
import type { Tx } from "./database.ts";
import { appendEventLists } from "./event_log.ts";

/** A delivery that is kept, and what it tells. */
export interface DeliveryChanges {
  readonly id: string;
  readonly changes: ChangeSet;
}

/**
 * Applies deliveries that were kept, and marks them as done. Returns the events that tell each of them: none for one that is
 * done already, or unknown.
 */
export async function applyPending(
  tx: Tx,
  pending: readonly DeliveryChanges[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  const rows = await tx.updateTable("deliveries")
    .set({ state: "done", done_ms: clock.now(), payload: null })
    .where("id", "in", pending.map(({ id }) => id)).where("state", "!=", "done")
    .returning("id").execute();
  const pendingIds = new Set(rows.map(({ id }) => id));
  // Each id once, however often it was handed in.
  const claimed = pending.filter(({ id }) => pendingIds.delete(id));
  const events = await applyInOrder(tx, claimed.map(({ changes }) => changes), { clock });
  const byDelivery = new Map(claimed.map((each, at) => [each, events[at] ?? []]));
  return pending.map((each) => byDelivery.get(each) ?? []);
}

/** Applies what deliveries tell, one after the other. Returns the events that tell each of them. */
export async function applyInOrder(
  tx: Tx,
  changeSets: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  return await appendEventLists(tx, await applyChanges(tx, changeSets, { clock }), { clock });
}
