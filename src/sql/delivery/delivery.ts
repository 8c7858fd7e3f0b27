import { sql } from "kysely";
import type { Clock } from "../../clock.ts";
import type {
  ApplyResult,
  Backlog,
  Delivery,
  DeliveryState,
  DeliveryStore,
  DeliverySummary,
  PendingDelivery,
  StoreResult,
} from "../../delivery/delivery.ts";
import { StorageError } from "../../errors.ts";
import type { StoredEvent } from "../../feed/event.ts";
import type { ChangeSet } from "../../run/change_set.ts";
import type { Database } from "../database.ts";
import { GroupCommit } from "../engine/group_commit.ts";
import type { Db } from "../handles.ts";
import { DELETE_BATCH_ROWS, deleteInBatches } from "../retention.ts";
import {
  applyPending,
  type DeliveryChanges,
  type IncomingDelivery,
  insertDeliveries,
} from "./apply.ts";

/** Stores deliveries in SQL. The payload is deleted when a delivery is done. */
export class SqlDeliveryStore implements DeliveryStore<ChangeSet> {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #inserter: GroupCommit<IncomingDelivery, ApplyResult>;
  readonly #applier: GroupCommit<DeliveryChanges, readonly StoredEvent[]>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#inserter = new GroupCommit({
      write: (group) => this.#insert(group),
      sizeOf: ({ delivery }) => delivery.payload.length,
    });
    this.#applier = new GroupCommit({
      write: (group) => database.write((tx) => applyPending(tx, group, { clock })),
      sizeOf: () => 0,
    });
  }

  async store(delivery: Delivery): Promise<StoreResult> {
    const { status } = await this.#inserter.add({ delivery, changes: undefined });
    // A delivery without changes is never applied.
    return status === "applied" ? "stored" : status;
  }

  storeAndApply(delivery: Delivery, changes: ChangeSet): Promise<ApplyResult> {
    return this.#inserter.add({ delivery, changes });
  }

  async listDue(now: number, limit: number): Promise<readonly PendingDelivery[]> {
    const rows = await this.#database.read((db) =>
      db.selectFrom("deliveries as d")
        .select([
          "d.id",
          "d.event",
          "d.action",
          "d.ordering_key as orderingKey",
          "d.payload",
          "d.failures",
        ])
        .where("d.state", "=", sql.lit("waiting"))
        .where(({ not, exists }) =>
          not(exists(selectPendingUpTo(db, "<=").where("e.due_ms", ">", now)))
        )
        .orderBy("d.seq").limit(limit).execute()
    );
    return rows.map((row) => ({ ...row, payload: row.payload ?? "" }));
  }

  async nextDueAt(): Promise<number | undefined> {
    const row = await this.#database.read((db) =>
      db.selectFrom("deliveries as d").select("d.due_ms")
        .where("d.state", "=", sql.lit("waiting"))
        .where(({ not, exists }) => not(exists(selectPendingUpTo(db, "<"))))
        .orderBy("d.due_ms").limit(1).executeTakeFirst()
    );
    return row?.due_ms;
  }

  apply(id: string, changes: ChangeSet): Promise<readonly StoredEvent[]> {
    return this.#applier.add({ id, changes });
  }

  async recordFailure(
    id: string,
    { error, retryAt }: { error: string; retryAt: number | undefined },
  ): Promise<void> {
    await this.#database.write((tx) =>
      tx.updateTable("deliveries")
        .set((eb) => ({ failures: eb("failures", "+", 1), error }))
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
        oldestReceivedAt: oldest?.received_ms,
      };
    });
  }

  async list(
    { state, limit }: { state?: DeliveryState; limit: number },
  ): Promise<readonly DeliverySummary[]> {
    const rows = await this.#database.read((db) => {
      const all = db.selectFrom("deliveries")
        .select(["id", "event", "action", "state", "received_ms", "failures", "error"])
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
    return deleteInBatches(this.#database, (tx) => {
      const done = tx.selectFrom("deliveries").select("seq")
        .where("done_ms", "<", before).limit(DELETE_BATCH_ROWS);
      return tx.deleteFrom("deliveries").where("seq", "in", done).executeTakeFirstOrThrow();
    });
  }

  async #insert(group: readonly IncomingDelivery[]): Promise<readonly ApplyResult[]> {
    const insert = (incoming: readonly IncomingDelivery[]) =>
      this.#database.write((tx) => insertDeliveries(tx, incoming, { clock: this.#clock }));
    try {
      return await insert(group);
    } catch (error) {
      const [only] = group;
      if (error instanceof StorageError || group.length > 1 || !only?.changes) throw error;
      // It cannot be applied: it is stored as waiting, so that the inbox retries it and records why.
      return await insert([{ ...only, changes: undefined }]);
    }
  }
}

/** In a query of deliveries `d`: waiting deliveries with the same ordering key, up to `d` (`<=`) or before it (`<`). */
function selectPendingUpTo(db: Db, operator: "<=" | "<") {
  return db.selectFrom("deliveries as e").select("e.seq")
    .where("e.state", "=", sql.lit("waiting"))
    .whereRef("e.ordering_key", "=", db.dynamic.ref("d.ordering_key"))
    .whereRef("e.seq", operator, db.dynamic.ref("d.seq"));
}
