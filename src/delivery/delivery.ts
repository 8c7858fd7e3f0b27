import type { StoredEvent } from "../feed/event.ts";

/** A webhook delivery from GitHub. */
export interface Delivery {
  /** `X-GitHub-Delivery`; a redelivery has the same id. */
  readonly id: string;
  /** `X-GitHub-Event`, for example `workflow_run`. */
  readonly event: string;
  /** The payload's `action`; `null` for events that have none. */
  readonly action: string | null;
  /** Deliveries with the same key are applied in the order of their arrival; for example `run 123`. */
  readonly orderingKey: string;
  /** The payload as JSON text, also if it was sent as a form. */
  readonly payload: string;
}

/** A delivery waiting to be applied. */
export interface PendingDelivery extends Delivery {
  readonly failures: number;
}

/** A delivery as listed for operators. Times are in ms since the epoch. */
export interface DeliverySummary {
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  readonly state: DeliveryState;
  readonly receivedAt: number;
  readonly failures: number;
  /** The last error; `null` if it never failed. */
  readonly error: string | null;
}

/** `waiting` to be applied or retried, `done`, or `parked` after too many failures. */
export type DeliveryState = "waiting" | "done" | "parked";

/** `stored`: new, or parked before; `waiting` or `done`: a duplicate of a delivery in that state. */
export type StoreResult = "stored" | "waiting" | "done";

export interface ApplyResult {
  readonly status: StoreResult | "applied";
  /** The events of its changes; empty unless applied. */
  readonly events: readonly StoredEvent[];
}

export interface Backlog {
  readonly waiting: number;
  readonly parked: number;
  /** The oldest waiting delivery, in ms since the epoch; `undefined` if none is waiting. */
  readonly oldestReceivedAt: number | undefined;
}

/** Stores deliveries until they are applied, and for some days after. */
export interface DeliveryStore<Changes> {
  /** Stores a delivery durably, once per id. */
  store(delivery: Delivery): Promise<StoreResult>;
  /**
   * Stores a delivery and applies its changes in the same transaction, if it is new and no delivery with its ordering key is
   * waiting. Otherwise it waits like any other.
   */
  storeAndApply(delivery: Delivery, changes: Changes): Promise<ApplyResult>;
  /**
   * Up to `limit` deliveries due at `now`, oldest first. Skips deliveries behind an earlier one with the same ordering key
   * that is due later.
   */
  listDue(now: number, limit: number): Promise<readonly PendingDelivery[]>;
  /** When the next delivery is due, in ms since the epoch; `undefined` if none is waiting. */
  nextDueAt(): Promise<number | undefined>;
  /**
   * Applies the changes of a delivery and marks it as done, in one transaction. Returns the events of its changes: none if it
   * is already done, for example by another instance.
   */
  apply(id: string, changes: Changes): Promise<readonly StoredEvent[]>;
  /** Records a failure. The delivery is due again at `retryAt`, or parked if that is `undefined`. */
  recordFailure(id: string, failure: { error: string; retryAt: number | undefined }): Promise<void>;
  backlog(): Promise<Backlog>;
  /** Latest first. */
  list(filter: { state?: DeliveryState; limit: number }): Promise<readonly DeliverySummary[]>;
  /** Makes a parked delivery due immediately. Returns `false` if there is no such delivery. */
  retry(id: string): Promise<boolean>;
  /** Deletes deliveries that were done before `before` (ms since the epoch). Returns how many. */
  prune(before: number): Promise<number>;
}
