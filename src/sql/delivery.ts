import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import type {
  Backlog,
  Delivery,
  DeliveryState,
  DeliveryStore,
  DeliverySummary,
  StoreResult,
  ApplyResult,
  PendingDelivery,
} from "../delivery/delivery.ts";
import { StorageError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { ChangeSet } from "../run/change_set.ts";
import type { Database, Db } from "./database.ts";
import { applyWaiting, type Waiting } from "./delivery_apply.ts";
import { type Arrival, keepDeliveries } from "./delivery_keep.ts";
import { deleteInTurns } from "./turns.ts";
import { GroupWriter } from "./writer.ts";

/** Deliveries that are forgotten in one transaction; small enough that others get their turn between two. */
const PRUNED_AT_ONCE = 1_000;

/** Keeps deliveries in SQL. The payload of one that is done is dropped. */
export class SqlDeliveryStore implements DeliveryStore<ChangeSet> {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #keeper: GroupWriter<Arrival, ApplyResult>;
  readonly #applier: GroupWriter<Waiting, readonly StoredEvent[]>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#keeper = new GroupWriter({
      write: (group) => this.#keep(group),
      sizeOf: ({ delivery }) => delivery.payload.length,
    });
    this.#applier = new GroupWriter({
      write: (group) => database.write((tx) => applyWaiting(tx, group, { clock })),
      sizeOf: () => 0,
    });
  }

  async store(delivery: Delivery): Promise<StoreResult> {
    const { status: receipt } = await this.#keeper.add({ delivery, changes: undefined });
    // Nothing is applied that has no changes.
    return receipt === "applied" ? "kept" : receipt;
  }

  storeAndApply(delivery: Delivery, changes: ChangeSet): Promise<ApplyResult> {
    return this.#keeper.add({ delivery, changes });
  }

  async listDue(now: number, limit: number): Promise<readonly PendingDelivery[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("deliveries as d")
        .select(["d.id", "d.event", "d.action", "d.subject", "d.payload", "d.failures"])
        .where("d.state", "=", sql.lit("waiting"))
        .where(({ not, exists }) => not(exists(upTo(db, "<=").where("e.due_ms", ">", now))))
        .orderBy("d.seq").limit(limit).execute()
    );
    return rows.map((row) => ({ ...row, payload: row.payload ?? "" }));
  }

  async nextDueAt(): Promise<number | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("deliveries as d").select("d.due_ms")
        .where("d.state", "=", sql.lit("waiting"))
        .where(({ not, exists }) => not(exists(upTo(db, "<"))))
        .orderBy("d.due_ms").limit(1).executeTakeFirst()
    );
    return row?.due_ms;
  }

  apply(id: string, changes: ChangeSet): Promise<readonly StoredEvent[]> {
    return this.#applier.add({ id, changes });
  }

  async recordFailure(
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

  async backlog(): Promise<Backlog> {
    const count = (db: Db, state: "waiting" | "parked") =>
      db.selectFrom("deliveries").select((eb) => eb.fn.countAll<number>().as("count"))
        .where("state", "=", sql.lit(state)).executeTakeFirstOrThrow();
    return await this.#database.read(async (db) => {
      const waiting = await count(db, "waiting");
      const parked = await count(db, "parked");
      const oldest = await db.selectFrom("deliveries").select("received_ms")
        .where("state", "=", sql.lit("waiting")).orderBy("seq").limit(1).executeTakeFirst();
      return {
        waiting: Number(waiting.count),
        parked: Number(parked.count),
        waitingSince: oldest?.received_ms,
      };
    });
  }

  async list(
    { state, limit }: { state?: DeliveryState; limit: number },
  ): Promise<readonly DeliverySummary[]> {
    const rows = await this.#database.read((db) => {
      const all = db.selectFrom("deliveries")
        .select(["id", "event", "action", "state", "received_ms", "failures", "reason"])
        .orderBy("seq", "desc").limit(limit);
      return (state === undefined ? all : all.where("state", "=", sql.lit(state))).execute();
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

  prune(before: number): Promise<number> {
    return deleteInTurns(this.#database, (tx) => {
      const done = tx.selectFrom("deliveries").select("seq")
        .where("done_ms", "<", before).limit(PRUNED_AT_ONCE);
      return tx.deleteFrom("deliveries").where("seq", "in", done).executeTakeFirstOrThrow();
    });
  }

  async #keep(group: readonly Arrival[]): Promise<readonly ApplyResult[]> {
    const keep = (arrivals: readonly Arrival[]) =>
      this.#database.write((tx) => keepDeliveries(tx, arrivals, { clock: this.#clock }));
    try {
      return await keep(group);
    } catch (error) {
      const [only] = group;
      if (error instanceof StorageError || group.length > 1 || !only?.changes) throw error;
      // It cannot be applied: it waits, so that the inbox can say why.
      return await keep([{ ...only, changes: undefined }]);
    }
  }
}

/** Within a query of deliveries `d`: those that wait and are of the same subject, up to it (`<=`) or before it (`<`). */
function upTo(db: Db, operator: "<=" | "<") {
  return db.selectFrom("deliveries as e").select("e.seq")
    .where("e.state", "=", sql.lit("waiting"))
    .whereRef("e.subject", "=", db.dynamic.ref("d.subject"))
    .whereRef("e.seq", operator, db.dynamic.ref("d.seq"));
}
