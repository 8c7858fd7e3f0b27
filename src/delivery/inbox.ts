import type { Clock } from "../clock.ts";
import { StorageError, toErrorMessage } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import { retryAt } from "./backoff.ts";
import type { Delivery, DeliveryStore, PendingDelivery } from "./delivery.ts";

/** Deliveries fetched at a time: so few that what is received meanwhile is answered soon. */
const BATCH_SIZE = 50;
/** How long we sleep at the most: another instance may have kept a delivery and died. */
const MAX_SLEEP_MS = 30_000;
/** And at the least: what is due next may be in the hands of another instance. */
const MIN_SLEEP_MS = 100;
/** How long a store that is in trouble is left alone. */
const STORAGE_RETRY_MS = 1_000;
const MAX_ERROR_LENGTH = 500;
const PRUNE_INTERVAL_MS = 60 * 60_000;
/** GitHub offers to send a delivery again for 3 days (GHES: 7). */
const RETAIN_DONE_MS = 7 * 24 * 60 * 60_000;

export interface InboxOptions<Changes> {
  readonly store: DeliveryStore<Changes>;
  /** What a delivery tells; throws, naming the field, when it is not as GitHub documents it. */
  readonly parse: (delivery: Delivery) => Changes;
  /** Told what has changed, in order, once it is committed. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Applies the deliveries that were kept. A delivery is applied and marked as done in one transaction: wherever we are
 * killed, it is applied once.
 */
export class Inbox<Changes> {
  readonly #options: InboxOptions<Changes>;
  readonly #logger = log("deliveries");
  #wakeController = new AbortController();
  #pruneAt = 0;
  #isStorageDown = false;
  #applied = 0;
  #failed = 0;
  #parked = 0;

  constructor(options: InboxOptions<Changes>) {
    this.#options = options;
  }

  /** What became of the deliveries that had to wait: how many times one was `applied`, `failed`, or was `parked` for good. */
  get outcomes(): { readonly applied: number; readonly failed: number; readonly parked: number } {
    return { applied: this.#applied, failed: this.#failed, parked: this.#parked };
  }

  /** Looks for due deliveries now. */
  wake(): void {
    this.#wakeController.abort();
  }

  /** Applies deliveries until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      try {
        await this.#runOnce(signal);
        this.#reportStorageState(undefined);
      } catch (error) {
        // No fault of the delivery: it keeps its place.
        if (!(error instanceof StorageError)) throw error;
        this.#reportStorageState(error);
        await this.#options.clock.sleep(STORAGE_RETRY_MS, signal);
      }
    }
    signal.removeEventListener("abort", wake);
  }

  /** Applies what is due; sleeps where nothing is. */
  async #runOnce(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options;
    // Set before we look, so that a delivery that comes meanwhile is not slept over.
    this.#wakeController = new AbortController();
    if (signal.aborted) return;
    const now = clock.now();
    if (now >= this.#pruneAt) {
      await store.prune(now - RETAIN_DONE_MS);
      this.#pruneAt = now + PRUNE_INTERVAL_MS;
    }
    const due = await store.listDue(now, BATCH_SIZE);
    if (due.length > 0) return await this.#applyAll(due, signal);
    const next = await store.nextDueAt() ?? Infinity;
    const pause = Math.max(MIN_SLEEP_MS, Math.min(next - clock.now(), MAX_SLEEP_MS));
    await clock.sleep(pause, this.#wakeController.signal);
  }

  /** Side by side, so that the store can apply many in one transaction; of a subject one after the other. */
  async #applyAll(due: readonly PendingDelivery[], signal: AbortSignal): Promise<void> {
    const byOrderingKey = Map.groupBy(due, ({ orderingKey: subject }) => subject);
    await Promise.all(byOrderingKey.values().map((each) => this.#applyInOrder(each, signal)));
  }

  async #applyInOrder(due: readonly PendingDelivery[], signal: AbortSignal): Promise<void> {
    for (const delivery of due) {
      // What comes after a failed one of the same subject waits for it.
      if (signal.aborted || !await this.#apply(delivery)) return;
    }
  }

  async #apply(delivery: PendingDelivery): Promise<boolean> {
    const { store, parse, onEvents } = this.#options;
    let events: readonly StoredEvent[];
    try {
      events = await store.apply(delivery.id, parse(delivery));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      await this.#fail(delivery, toErrorMessage(error).slice(0, MAX_ERROR_LENGTH));
      return false;
    }
    this.#applied++;
    if (events.length > 0) onEvents(events);
    return true;
  }

  async #fail({ id, event, failures: before }: PendingDelivery, reason: string): Promise<void> {
    const { store, clock, random } = this.#options;
    const failures = before + 1;
    const due = retryAt(failures, { now: clock.now(), random });
    await store.recordFailure(id, { error: reason, retryAt: due });
    const details = { id, event, failures, reason };
    if (due === undefined) this.#parked++;
    else this.#failed++;
    if (due === undefined) {
      this.#logger.error(
        "Parked delivery {id} ({event}) after {failures} failures: {reason}",
        details,
      );
    } else {
      this.#logger.warning("Delivery {id} ({event}) failed, and is tried again: {reason}", details);
    }
  }

  /** Logs the beginning and the end of the store's troubles. */
  #reportStorageState(error: StorageError | undefined): void {
    if (this.#isStorageDown === (error !== undefined)) return;
    this.#isStorageDown = error !== undefined;
    if (error) {
      this.#logger.error("Deliveries wait for the storage: {reason}", { reason: error.message });
    } else this.#logger.info("Deliveries are applied again");
  }
}
