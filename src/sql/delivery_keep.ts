import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type { Delivery, StoreResult, ApplyResult } from "../delivery/delivery.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../run/change_set.ts";
import type { Tx } from "./database.ts";
import { applyInOrder } from "./delivery_apply.ts";

/** A delivery that has come, with what it tells if it is to be applied at once. */
export interface Arrival {
  readonly delivery: Delivery;
  readonly changes: ChangeSet | undefined;
}

/**
 * Keeps deliveries, each id once, and applies what they tell where nothing of the same subject waits. One that was parked
 * waits again, from the start. Returns what became of each, in order.
 */
export async function keepDeliveries(
  tx: Tx,
  arrivals: readonly Arrival[],
  { clock }: { readonly clock: Clock },
): Promise<readonly ApplyResult[]> {
  const firstById = new Map(arrivals.toReversed().map((each) => [each.delivery.id, each]));
  // In the order in which they came, those of one transaction too.
  const first = arrivals.filter((each) => firstById.get(each.delivery.id) === each);
  const direct = await applicable(tx, first);
  const now = clock.now();
  const fresh = await insertNew(tx, first, { direct, now });
  const known = await receiptsOfKnown(tx, first.filter((each) => !fresh.has(each)), { now });
  const due = first.filter((each) => direct.has(each) && fresh.has(each));
  const told = due.map(({ changes }) => changes ?? EMPTY_CHANGE_SET);
  const events = await applyInOrder(tx, told, { clock });
  const applied = new Map(due.map((each, at) => [each, events[at] ?? []]));
  return arrivals.map((arrival) => {
    const original = firstById.get(arrival.delivery.id) ?? arrival;
    const isRepeat = original !== arrival;
    const news = applied.get(original);
    if (news) {
      return isRepeat ? { receipt: "done", events: [] } : { receipt: "applied", events: news };
    }
    const receipt = known.get(arrival.delivery.id) ?? "kept";
    return { receipt: isRepeat && receipt === "kept" ? "waiting" : receipt, events: [] };
  });
}

/** Those that can be applied at once: nothing of their subject waits, neither in the table nor among those before them. */
async function applicable(tx: Tx, arrivals: readonly Arrival[]): Promise<ReadonlySet<Arrival>> {
  const subjects = new Set(
    arrivals.filter(({ changes }) => changes).map(({ delivery }) => delivery.orderingKey),
  );
  if (subjects.size === 0) return new Set();
  const rows = await tx.selectFrom("deliveries").select("subject").distinct()
    .where("state", "=", sql.lit("waiting")).where("subject", "in", [...subjects]).execute();
  const waiting = new Set(rows.map(({ subject }) => subject));
  return new Set(arrivals.filter(({ delivery: { orderingKey: subject }, changes }) => {
    if (changes && !waiting.has(subject)) return true;
    waiting.add(subject);
    return false;
  }));
}

/** Returns those whose id was not known. What is applied at once needs no payload, which is most of what there is to write. */
async function insertNew(
  tx: Tx,
  arrivals: readonly Arrival[],
  { direct, now }: { readonly direct: ReadonlySet<Arrival>; readonly now: number },
): Promise<ReadonlySet<Arrival>> {
  const rows = await tx.insertInto("deliveries")
    .values(arrivals.map((arrival) => {
      const { id, event, action, orderingKey: subject, payload } = arrival.delivery;
      const isDone = direct.has(arrival);
      return {
        id,
        event,
        action,
        subject,
        payload: isDone ? null : payload,
        state: isDone ? "done" as const : "waiting" as const,
        failures: 0,
        reason: null,
        received_ms: now,
        due_ms: now,
        done_ms: isDone ? now : null,
      };
    }))
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id").execute();
  const ids = new Set(rows.map(({ id }) => id));
  return new Set(arrivals.filter(({ delivery }) => ids.has(delivery.id)));
}

async function receiptsOfKnown(
  tx: Tx,
  arrivals: readonly Arrival[],
  { now }: { readonly now: number },
): Promise<ReadonlyMap<string, StoreResult>> {
  if (arrivals.length === 0) return new Map();
  const ids = arrivals.map(({ delivery }) => delivery.id);
  const again = await tx.updateTable("deliveries")
    .set({ state: "waiting", failures: 0, due_ms: now })
    .where("id", "in", ids).where("state", "=", "parked").returning("id").execute();
  const others = await tx.selectFrom("deliveries").select(["id", "state"])
    .where("id", "in", ids).execute();
  return new Map<string, StoreResult>([
    ...others.map(({ id, state }) => [id, state === "done" ? "done" : "waiting"] as const),
    ...again.map(({ id }) => [id, "kept"] as const),
  ]);
}
