import type { Delivery, Receipt } from "../delivery/delivery.ts";
import type { Tx } from "./database.ts";

/** Keeps deliveries, each id once: one that was parked waits again, from the start. Returns the receipt of each, in order. */
export async function keepDeliveries(
  tx: Tx,
  deliveries: readonly Delivery[],
  { now }: { readonly now: number },
): Promise<readonly Receipt[]> {
  const byId = new Map(deliveries.toReversed().map((delivery) => [delivery.id, delivery]));
  // In the order in which they came, those of one transaction too.
  const first = deliveries.filter((delivery) => byId.get(delivery.id) === delivery);
  const fresh = await insertNew(tx, first, { now });
  const known = first.map(({ id }) => id).filter((id) => !fresh.has(id));
  const receipts = new Map<string, Receipt>([
    ...[...fresh].map((id) => [id, "kept"] as const),
    ...known.length > 0 ? await receiptsOfKnown(tx, known, { now }) : [],
  ]);
  return deliveries.map((delivery) => {
    const receipt = receipts.get(delivery.id) ?? "waiting";
    return receipt === "kept" && byId.get(delivery.id) !== delivery ? "waiting" : receipt;
  });
}

async function insertNew(
  tx: Tx,
  deliveries: readonly Delivery[],
  { now }: { readonly now: number },
): Promise<ReadonlySet<string>> {
  const rows = await tx.insertInto("deliveries")
    .values(deliveries.map(({ id, event, action, subject, payload }) => ({
      id,
      event,
      action,
      subject,
      payload,
      state: "waiting" as const,
      failures: 0,
      reason: null,
      received_ms: now,
      due_ms: now,
      done_ms: null,
    })))
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id").execute();
  return new Set(rows.map(({ id }) => id));
}

async function receiptsOfKnown(
  tx: Tx,
  ids: readonly string[],
  { now }: { readonly now: number },
): Promise<readonly (readonly [string, Receipt])[]> {
  const again = await tx.updateTable("deliveries")
    .set({ state: "waiting", failures: 0, due_ms: now })
    .where("id", "in", ids).where("state", "=", "parked").returning("id").execute();
  const others = await tx.selectFrom("deliveries").select(["id", "state"])
    .where("id", "in", ids).execute();
  const states = others.map(({ id, state }) =>
    [id, state === "done" ? "done" : "waiting"] as const
  );
  return [...states, ...again.map(({ id }) => [id, "kept"] as const)];
}
