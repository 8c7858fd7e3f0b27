/** The transactions that store deliveries and apply the changes they report. */
import { sql } from "kysely";
import type { Clock } from "../../clock.ts";
import type { ApplyResult, Delivery, StoreResult } from "../../delivery/delivery.ts";
import type { Event, StoredEvent } from "../../feed/event.ts";
import { type ChangeSet, EMPTY_CHANGE_SET } from "../../run/change_set.ts";
import { invalidateAccess, revokeUsers } from "../account/access.ts";
import { appendEventLists } from "../event_log.ts";
import type { Tx } from "../handles.ts";
import { lockRepositories, mergeRepositories, removeRepositories } from "../repository.ts";
import { RunBatch } from "../run/run_batch.ts";

/** With more repositories than this, access to all of them is checked again: that is cheaper. */
const MAX_INVALIDATED_REPOSITORIES = 500;

/** A delivery that has arrived, with its changes if it is to be applied at once. */
export interface IncomingDelivery {
  readonly delivery: Delivery;
  readonly changes: ChangeSet | undefined;
}

/** A stored delivery with its changes. */
export interface DeliveryChanges {
  readonly id: string;
  readonly changes: ChangeSet;
}

/**
 * Stores deliveries, each id once and in the given order, and applies those with changes unless another delivery with the
 * same ordering key is waiting. A parked delivery that arrives again waits again, without failures. Returns the result of
 * each, in order.
 */
export async function insertDeliveries(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
  { clock }: { readonly clock: Clock },
): Promise<readonly ApplyResult[]> {
  const uniqueById = new Map(incoming.toReversed().map((each) => [each.delivery.id, each]));
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
    const status = duplicates.get(item.delivery.id) ?? "stored";
    return { status: isRepeat && status === "stored" ? "waiting" : status, events: [] };
  });
}

/** Returns the deliveries to apply at once: none with their ordering key waits, in the table or before them in the list. */
async function selectApplicable(
  tx: Tx,
  incoming: readonly IncomingDelivery[],
): Promise<ReadonlySet<IncomingDelivery>> {
  const orderingKeys = new Set(
    incoming.filter(({ changes }) => changes).map(({ delivery }) => delivery.orderingKey),
  );
  if (orderingKeys.size === 0) return new Set();
  const rows = await tx.selectFrom("deliveries").select("ordering_key").distinct()
    .where("state", "=", sql.lit("waiting")).where("ordering_key", "in", [...orderingKeys])
    .execute();
  const waiting = new Set(rows.map(({ ordering_key }) => ordering_key));
  return new Set(incoming.filter(({ delivery: { orderingKey }, changes }) => {
    if (changes && !waiting.has(orderingKey)) return true;
    waiting.add(orderingKey);
    return false;
  }));
}

/** Returns the deliveries whose id was new. A delivery that is applied at once is stored without its payload, to write less. */
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

/** Reopens parked deliveries that arrived again. Returns the status of each by its id. */
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
    ...reopened.map(({ id }) => [id, "stored"] as const),
  ]);
}

/** Applies stored deliveries and marks them as done. Returns the events of each; none if it is unknown or was done before. */
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
  // Each id once, even if it was passed several times.
  const claimed = pending.filter(({ id }) => pendingIds.delete(id));
  const events = await applyInOrder(tx, claimed.map(({ changes }) => changes), { clock });
  const byDelivery = new Map(claimed.map((each, at) => [each, events[at] ?? []]));
  return pending.map((each) => byDelivery.get(each) ?? []);
}

/** Applies the changes of deliveries, one after the other. Returns the stored events of each. */
export async function applyInOrder(
  tx: Tx,
  changeSets: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly StoredEvent[])[]> {
  return await appendEventLists(tx, await applyChanges(tx, changeSets, { clock }), { clock });
}

/** Merges change sets into the stored state, one after the other. Returns the events of each. */
export async function applyChanges(
  tx: Tx,
  changeSets: readonly ChangeSet[],
  { clock }: { readonly clock: Clock },
): Promise<readonly (readonly Event[])[]> {
  const stored = await lockRepositories(tx, changeSets.flatMap(repositoryIds));
  const repositoryEvents: (readonly Event[])[] = [];
  for (const { repositories, removedRepositories } of changeSets) {
    repositoryEvents.push([
      ...await mergeRepositories(tx, repositories, stored),
      ...await removeRepositories(tx, removedRepositories, { clock }),
    ]);
    for (const id of removedRepositories) stored.delete(id);
  }
  await invalidateAccess(tx, collectAccessChanges(changeSets));
  await revokeUsers(tx, changeSets.flatMap(({ revokedUsers }) => revokedUsers));
  const batch = await RunBatch.lock(tx, {
    runs: changeSets.flatMap(({ runs }) => runs),
    jobs: changeSets.flatMap(({ jobs }) => jobs),
  });
  const events = changeSets.map(({ runs, jobs }, at) => [
    ...repositoryEvents[at] ?? [],
    ...runs.flatMap((run) => batch.merge(run)),
    ...jobs.flatMap((job) => batch.mergeJob(job)),
  ]);
  await batch.write();
  return events;
}

function repositoryIds({ repositories, removedRepositories }: ChangeSet): readonly number[] {
  return [...repositories.map(({ id }) => id), ...removedRepositories];
}

function collectAccessChanges(changeSets: readonly ChangeSet[]): readonly number[] | "all" {
  const ids = new Set<number>();
  for (const { accessChanged } of changeSets) {
    if (accessChanged === "all") return "all";
    for (const id of accessChanged) ids.add(id);
  }
  return ids.size > MAX_INVALIDATED_REPOSITORIES ? "all" : [...ids];
}
