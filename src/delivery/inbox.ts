import type { Clock } from "../clock.ts";
import { messageOf, StorageError } from "../errors.ts";
import type { StoredEvent } from "../feed/event.ts";
import { log } from "../log.ts";
import { retryAt } from "./backoff.ts";
import type { Delivery, DeliveryStore, WaitingDelivery } from "./delivery.ts";

/** Deliveries fetched at a time: so few that what is received meanwhile is answered soon. */
const BATCH = 50;
/** How long we sleep at the most: another instance may have kept a delivery and died. */
const LONGEST_SLEEP_MS = 30_000;
/** And at the least: what is due next may be in the hands of another instance. */
const SHORTEST_SLEEP_MS = 100;
/** How long a store that is in trouble is left alone. */
const STORAGE_PAUSE_MS = 1_000;
const REASON_LENGTH = 500;
const PRUNE_EVERY_MS = 60 * 60_000;
/** GitHub offers to send a delivery again for 3 days (GHES: 7). */
const KEEP_DONE_MS = 7 * 24 * 60 * 60_000;

export interface InboxOptions<Changes> {
  readonly store: DeliveryStore<Changes>;
  /** What a delivery tells; throws, naming the field, when it is not as GitHub documents it. */
  readonly read: (delivery: Delivery) => Changes;
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
  #alarm = new AbortController();
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
    this.#alarm.abort();
  }

  /** Applies deliveries until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      try {
        await this.#round(signal);
        this.#tellStorage(undefined);
      } catch (error) {
        // No fault of the delivery: it keeps its place.
        if (!(error instanceof StorageError)) throw error;
        this.#tellStorage(error);
        await this.#options.clock.sleep(STORAGE_PAUSE_MS, signal);
      }
    }
    signal.removeEventListener("abort", wake);
  }

  /** Applies what is due; sleeps where nothing is. */
  async #round(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#options;
    // Set before we look, so that a delivery that comes meanwhile is not slept over.
    this.#alarm = new AbortController();
    if (signal.aborted) return;
    const now = clock.now();
    if (now >= this.#pruneAt) {
      await store.prune(now - KEEP_DONE_MS);
      this.#pruneAt = now + PRUNE_EVERY_MS;
    }
    const due = await store.due(now, BATCH);
    if (due.length > 0) return await this.#applyAll(due, signal);
    const next = await store.nextDueAt() ?? Infinity;
    const pause = Math.max(SHORTEST_SLEEP_MS, Math.min(next - clock.now(), LONGEST_SLEEP_MS));
    await clock.sleep(pause, this.#alarm.signal);
  }

  /** Side by side, so that the store can apply many in one transaction; of a subject one after the other. */
  async #applyAll(due: readonly WaitingDelivery[], signal: AbortSignal): Promise<void> {
    const bySubject = Map.groupBy(due, ({ subject }) => subject);
    await Promise.all(bySubject.values().map((each) => this.#applyInOrder(each, signal)));
  }

  async #applyInOrder(due: readonly WaitingDelivery[], signal: AbortSignal): Promise<void> {
    for (const delivery of due) {
      // What comes after a failed one of the same subject waits for it.
      if (signal.aborted || !await this.#apply(delivery)) return;
    }
  }

  async #apply(delivery: WaitingDelivery): Promise<boolean> {
    const { store, read, onEvents } = this.#options;
    let events: readonly StoredEvent[];
    try {
      events = await store.apply(delivery.id, read(delivery));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      await this.#fail(delivery, messageOf(error).slice(0, REASON_LENGTH));
      return false;
    }
    this.#applied++;
    if (events.length > 0) onEvents(events);
    return true;
  }

  async #fail({ id, event, failures: before }: WaitingDelivery, reason: string): Promise<void> {
    const { store, clock, random } = this.#options;
    const failures = before + 1;
    const due = retryAt(failures, { now: clock.now(), random });
    await store.fail(id, { reason, retryAt: due });
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
  #tellStorage(error: StorageError | undefined): void {
    if (this.#isStorageDown === (error !== undefined)) return;
    this.#isStorageDown = error !== undefined;
    if (error) {
      this.#logger.error("Deliveries wait for the storage: {reason}", { reason: error.message });
    } else this.#logger.info("Deliveries are applied again");
  }
}
