import { type Clock, DAY_MS } from "../clock.ts";
import { StorageError, toErrorMessage } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import { retryAt } from "./backoff.ts";
import type { Delivery, DeliveryStore, PendingDelivery } from "./delivery.ts";

/** Deliveries per batch: few enough that new deliveries are answered quickly. */
const BATCH_SIZE = 50;
/** The longest pause: another instance may have stored a delivery and stopped. */
const MAX_SLEEP_MS = 30_000;
/** The shortest pause: another instance may be applying the next delivery. */
const MIN_SLEEP_MS = 100;
const STORAGE_RETRY_MS = 1_000;
const MAX_ERROR_LENGTH = 500;
const PRUNE_INTERVAL_MS = 60 * 60_000;
/** GitHub can redeliver for 3 days, GitHub Enterprise Server for 7. */
const RETAIN_DONE_MS = 7 * DAY_MS;

interface InboxOptions<Changes> {
  readonly store: DeliveryStore<Changes>;
  /** Parses the changes of a delivery. Throws an error that names the first invalid field. */
  readonly parse: (delivery: Delivery) => Changes;
  /** Called with the events of committed changes, in order. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
  readonly clock: Clock;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
}

/**
 * Applies stored deliveries. A delivery is applied and marked as done in one transaction, so that it is applied exactly once
 * even if the process is killed.
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

  /** Counts of deliveries that were applied, failed (and are retried), or were parked. */
  get outcomes(): { readonly applied: number; readonly failed: number; readonly parked: number } {
    return { applied: this.#applied, failed: this.#failed, parked: this.#parked };
  }

  /** Checks for due deliveries now. */
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
        // Not a failure of the delivery: its failure count stays.
        if (!(error instanceof StorageError)) throw error;
        this.#reportStorageState(error);
        await this.#options.clock.sleep(STORAGE_RETRY_MS, signal);
      }
    }
    signal.removeEventListener("abort", wake);
  }

  /** Applies the due deliveries, or sleeps if none is due. */
  async #runOnce(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options;
    // Set first, so that a concurrent delivery wakes the loop.
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

  /** Runs concurrently, so that the store can group transactions; one by one per ordering key. */
  async #applyAll(due: readonly PendingDelivery[], signal: AbortSignal): Promise<void> {
    const byOrderingKey = Map.groupBy(due, ({ orderingKey }) => orderingKey);
    await Promise.all(byOrderingKey.values().map((each) => this.#applyInOrder(each, signal)));
  }

  async #applyInOrder(due: readonly PendingDelivery[], signal: AbortSignal): Promise<void> {
    for (const delivery of due) {
      // Deliveries with the same ordering key wait for a failed one.
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
      await this.#recordFailure(delivery, toErrorMessage(error).slice(0, MAX_ERROR_LENGTH));
      return false;
    }
    this.#applied++;
    if (events.length > 0) onEvents(events);
    return true;
  }

  async #recordFailure(delivery: PendingDelivery, error: string): Promise<void> {
    const { store, clock, random } = this.#options;
    const { id, event } = delivery;
    const failures = delivery.failures + 1;
    const retry = retryAt(failures, { now: clock.now(), random });
    await store.recordFailure(id, { error, retryAt: retry });
    const details = { id, event, failures, reason: error };
    if (retry === undefined) {
      this.#parked++;
      this.#logger.error(
        "Parked delivery {id} ({event}) after {failures} failures: {reason}",
        details,
      );
    } else {
      this.#failed++;
      this.#logger.warning("Delivery {id} ({event}) failed and will be retried: {reason}", details);
    }
  }

  /** Logs the start and the end of a storage outage. */
  #reportStorageState(error: StorageError | undefined): void {
    if (this.#isStorageDown === (error !== undefined)) return;
    this.#isStorageDown = error !== undefined;
    if (error) {
      this.#logger.error("Storage unavailable; deliveries queued: {reason}", {
        reason: error.message,
      });
    } else this.#logger.info("Storage available; applying deliveries");
  }
}
