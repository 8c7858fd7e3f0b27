import type { StoredEvent } from "../feed/event.ts";

/** A webhook delivery, as GitHub sent it. */
export interface Delivery {
  /** `X-GitHub-Delivery`; GitHub keeps it when it sends again. */
  readonly id: string;
  /** `X-GitHub-Event`, for example `workflow_run`. */
  readonly event: string;
  /** The payload's `action`; `null` for events that have none. */
  readonly action: string | null;
  /** Deliveries of the same subject are applied in the order in which they came, for example `run 123`. */
  readonly orderingKey: string;
  /** The payload as JSON text, whichever form it was sent in. */
  readonly payload: string;
}

/** A delivery that waits to be applied. */
export interface PendingDelivery extends Delivery {
  /** How often it has failed. */
  readonly failures: number;
}

/** A delivery as an operator sees it. Times in ms since the epoch. */
export interface DeliverySummary {
  readonly id: string;
  readonly event: string;
  readonly action: string | null;
  readonly state: DeliveryState;
  readonly receivedAt: number;
  readonly failures: number;
  /** Why it failed last; `null` if it never has. */
  readonly error: string | null;
}

/** `waiting` to be applied (perhaps again), `done`, or `parked` after too many failures. */
export type DeliveryState = "waiting" | "done" | "parked";

/** What became of a delivery that was handed in: it is new (or was parked, and waits again), waits already, or was done. */
export type StoreResult = "kept" | "waiting" | "done";

/** What became of a delivery that was handed in to be applied at once, and the events that tell what it has changed. */
export interface ApplyResult {
  readonly status: StoreResult | "applied";
  readonly events: readonly StoredEvent[];
}

/** What waits to be applied, and what was given up. */
export interface Backlog {
  readonly waiting: number;
  readonly parked: number;
  /** When the oldest that waits was received, in ms since the epoch; `undefined` where none does. */
  readonly oldestReceivedAt: number | undefined;
}

/** Where deliveries are kept until they are applied, and for a while after. */
export interface DeliveryStore<Changes> {
  /** Keeps a delivery durably, once for each id. */
  store(delivery: Delivery): Promise<StoreResult>;
  /**
   * Keeps a delivery, and applies what it tells in the same transaction: one that is new, if nothing of its subject waits.
   * Where it cannot be applied it waits like any other.
   */
  storeAndApply(delivery: Delivery, changes: Changes): Promise<ApplyResult>;
  /**
   * Deliveries that are due at `now`, the oldest first, `limit` at the most; of each subject only those before which no
   * other one waits for a later time.
   */
  listDue(now: number, limit: number): Promise<readonly PendingDelivery[]>;
  /** When `due` will have something next, in ms since the epoch; `undefined` when none waits. */
  nextDueAt(): Promise<number | undefined>;
  /**
   * Applies what a delivery tells and marks it as done, in one transaction. Returns the events that tell it: none when it
   * is done already, for example by another instance.
   */
  apply(id: string, changes: Changes): Promise<readonly StoredEvent[]>;
  /** Notes a failure; the delivery is due again at `retryAt`, or parked when that is `undefined`. */
  recordFailure(id: string, failure: { error: string; retryAt: number | undefined }): Promise<void>;
  backlog(): Promise<Backlog>;
  /** The latest first. */
  list(filter: { state?: DeliveryState; limit: number }): Promise<readonly DeliverySummary[]>;
  /** Makes a parked delivery due at once; returns whether there was one. */
  retry(id: string): Promise<boolean>;
  /** Forgets deliveries that were done before `before` (ms since the epoch). Returns how many. */
  prune(before: number): Promise<number>;
}
