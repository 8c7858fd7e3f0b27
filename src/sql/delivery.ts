import type { Clock } from "../clock.ts";
import type {
  Delivery,
  DeliveryState,
  DeliveryStore,
  DeliverySummary,
  Receipt,
  WaitingDelivery,
} from "../delivery/delivery.ts";
import type { NumberedEvent } from "../feed/event.ts";
import type { Changes } from "../run/change.ts";
import { applyChanges } from "./change.ts";
import type { Database, Db } from "./database.ts";
import { keepDeliveries } from "./delivery_keep.ts";
import { appendEvents } from "./event.ts";
import { GroupWriter } from "./writer.ts";

/** Deliveries that are forgotten in one transaction; small enough that others get their turn between two. */
const PRUNED_AT_ONCE = 1_000;

/** Keeps deliveries in SQL. The payload of one that is done is dropped. */
export class SqlDeliveryStore implements DeliveryStore<Changes> {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #writer: GroupWriter<Delivery, Receipt>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#writer = new GroupWriter({
      write: (group) => database.write((tx) => keepDeliveries(tx, group, { now: clock.now() })),
      sizeOf: ({ payload }) => payload.length,
    });
  }

  keep(delivery: Delivery): Promise<Receipt> {
    return this.#writer.add(delivery);
  }

  async due(now: number, limit: number): Promise<readonly WaitingDelivery[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("deliveries as d")
        .select(["d.id", "d.event", "d.action", "d.subject", "d.payload", "d.failures"])
        .where("d.state", "=", "waiting")
        .where(({ not, exists }) => not(exists(upTo(db, "<=").where("e.due_ms", ">", now))))
        .orderBy("d.seq").limit(limit).execute()
    );
    return rows.map((row) => ({ ...row, payload: row.payload ?? "" }));
  }

  async nextDueAt(): Promise<number | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("deliveries as d").select("d.due_ms")
        .where("d.state", "=", "waiting")
        .where(({ not, exists }) => not(exists(upTo(db, "<"))))
        .orderBy("d.due_ms").limit(1).executeTakeFirst()
    );
    return row?.due_ms;
  }

  apply(id: string, changes: Changes): Promise<readonly NumberedEvent[]> {
    return this.#database.write(async (tx) => {
      const { numUpdatedRows } = await tx.updateTable("deliveries")
        .set({ state: "done", done_ms: this.#clock.now(), payload: null })
        .where("id", "=", id).where("state", "!=", "done").executeTakeFirstOrThrow();
      if (numUpdatedRows === 0n) return [];
      const events = await applyChanges(tx, changes, { clock: this.#clock });
      return await appendEvents(tx, events, { clock: this.#clock });
    });
  }

  async fail(
    id: string,
    { reason, retryAt }: { reason: string; retryAt: number | undefined },
  ): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("deliveries")
        .set((eb) => ({ failures: eb("failures", "+", 1), reason }))
        .set(retryAt === undefined ? { state: "parked" } : { due_ms: retryAt })
        .where("id", "=", id).where("state", "=", "waiting").execute()
    );
  }

  async list(
    { state, limit }: { state?: DeliveryState; limit: number },
  ): Promise<readonly DeliverySummary[]> {
    const rows = await this.#database.read((db) => {
      const all = db.selectFrom("deliveries")
        .select(["id", "event", "action", "state", "received_ms", "failures", "reason"])
        .orderBy("seq", "desc").limit(limit);
      return (state === undefined ? all : all.where("state", "=", state)).execute();
    });
    return rows.map(({ received_ms, ...row }) => ({ ...row, receivedAt: received_ms }));
  }

  async retry(id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#database.write((tx) =>
      tx.updateTable("deliveries")
        .set({ state: "waiting", failures: 0, due_ms: this.#clock.now() })
        .where("id", "=", id).where("state", "=", "parked").executeTakeFirstOrThrow()
    );
    return numUpdatedRows > 0n;
  }

  async prune(before: number): Promise<number> {
    let pruned = 0;
    for (;;) {
      const { numDeletedRows } = await this.#database.write((tx) =>
        tx.deleteFrom("deliveries").where(
          "seq",
          "in",
          (eb) =>
            eb.selectFrom("deliveries").select("seq")
              .where("done_ms", "<", before).limit(PRUNED_AT_ONCE),
        )
          .executeTakeFirstOrThrow()
      );
      if (numDeletedRows === 0n) return pruned;
      pruned += Number(numDeletedRows);
    }
  }
}

/** Within a query of deliveries `d`: those that wait and are of the same subject, up to it (`<=`) or before it (`<`). */
function upTo(db: Db, operator: "<=" | "<") {
  return db.selectFrom("deliveries as e").select("e.seq")
    .where("e.state", "=", "waiting")
    .whereRef("e.subject", "=", db.dynamic.ref("d.subject"))
    .whereRef("e.seq", operator, db.dynamic.ref("d.seq"));
}
