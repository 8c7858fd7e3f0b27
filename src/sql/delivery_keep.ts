import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { ApplyResult, Delivery, StoreResult } from "../delivery/delivery.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../run/change_set.ts";
import type { Tx } from "./database.ts";
import { applyInOrder } from "./delivery_apply.ts";

/** A delivery that has come, with what it tells if it is to be applied at once. */
export interface IncomingDelivery {
  readonly delivery: Delivery;
  readonly changes: ChangeSet | undefined;
}

/**
 * Keeps deliveries, each id once, and applies what they tell where nothing of the same subject waits. One that was parked
 * waits again, from the start. Returns what became of each, in order.
 */
export async function insertDeliveries(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
  { clock }: { readonly clock: Clock },
): Promise<readonly ApplyResult[]> {
  const uniqueById = new Map(incoming.toReversed().map((each) => [each.delivery.id, each]));
  // In the order in which they came, those of one transaction too.
  const unique = incoming.filter((each) => uniqueById.get(each.delivery.id) === each);
  const immediate = await selectApplicable(tx, unique);
  const now = clock.now();
  const inserted = await insertNew(tx, unique, { immediate, now });
  const duplicates = await resolveDuplicates(tx, unique.filter((each) => !inserted.has(each)), {
    now,
  });
  const due = unique.filter((each) => immediate.has(each) && inserted.has(each));
  const changeSets = due.map(({ changes }) => changes ?? EMPTY_CHANGE_SET);
  const events = await applyInOrder(tx, changeSets, { clock });
  const applied = new Map(due.map((each, at) => [each, events[at] ?? []]));
  return incoming.map((item) => {
    const original = uniqueById.get(item.delivery.id) ?? item;
    const isRepeat = original !== item;
    const appliedEvents = applied.get(original);
    if (appliedEvents) {
      return isRepeat
        ? { status: "done", events: [] }
        : { status: "applied", events: appliedEvents };
    }
    const status = duplicates.get(item.delivery.id) ?? "kept";
    return { status: isRepeat && status === "kept" ? "waiting" : status, events: [] };
  });
}

/** Those that can be applied at once: nothing of their subject waits, neither in the table nor among those before them. */
async function selectApplicable(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
): Promise<ReadonlySet<IncomingDelivery>> {
  const subjects = new Set(
    incoming.filter(({ changes }) => changes).map(({ delivery }) => delivery.orderingKey),
  );
  if (subjects.size === 0) return new Set();
  const rows = await tx.selectFrom("deliveries").select("ordering_key").distinct()
    .where("state", "=", sql.lit("waiting")).where("ordering_key", "in", [...subjects]).execute();
  const waiting = new Set(rows.map(({ ordering_key }) => ordering_key));
  return new Set(incoming.filter(({ delivery: { orderingKey }, changes }) => {
    if (changes && !waiting.has(orderingKey)) return true;
    waiting.add(orderingKey);
    return false;
  }));
}

/** Returns those whose id was not known. What is applied at once needs no payload, which is most of what there is to write. */
async function insertNew(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
  { immediate, now }: { readonly immediate: ReadonlySet<IncomingDelivery>; readonly now: number },
): Promise<ReadonlySet<IncomingDelivery>> {
  const rows = await tx.insertInto("deliveries")
    .values(incoming.map((item) => {
      const { id, event, action, orderingKey, payload } = item.delivery;
      const isDone = immediate.has(item);
      return {
        id,
        event,
        action,
        ordering_key: orderingKey,
        payload: isDone ? null : payload,
        state: isDone ? "done" as const : "waiting" as const,
        failures: 0,
        error: null,
        received_ms: now,
        due_ms: now,
        done_ms: isDone ? now : null,
      };
    }))
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id").execute();
  const ids = new Set(rows.map(({ id }) => id));
  return new Set(incoming.filter(({ delivery }) => ids.has(delivery.id)));
}

async function resolveDuplicates(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
  { now }: { readonly now: number },
): Promise<ReadonlyMap<string, StoreResult>> {
  if (incoming.length === 0) return new Map();
  const ids = incoming.map(({ delivery }) => delivery.id);
  const reopened = await tx.updateTable("deliveries")
    .set({ state: "waiting", failures: 0, due_ms: now })
    .where("id", "in", ids).where("state", "=", "parked").returning("id").execute();
  const existing = await tx.selectFrom("deliveries").select(["id", "state"])
    .where("id", "in", ids).execute();
  return new Map<string, StoreResult>([
    ...existing.map(({ id, state }) => [id, state === "done" ? "done" : "waiting"] as const),
    ...reopened.map(({ id }) => [id, "kept"] as const),
  ]);
}
