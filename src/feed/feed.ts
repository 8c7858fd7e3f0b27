import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { type EncodedEvent, encodeEvent, type Event, type StoredEvent } from "./event.ts";
import type { EventBus, EventNotice } from "./event_bus.ts";
import type { EventLog, SeqRange } from "./event_log.ts";
import { Notifier } from "./notifier.ts";
import { ReplayBuffer, type ReplayLimits } from "./replay_buffer.ts";
import { Subscription, type SubscriptionOptions } from "./subscription.ts";

/** The latest events, which subscriptions read without a query to the event log. */
const DEFAULT_REPLAY_LIMITS: ReplayLimits = { events: 4_096, characters: 4 * 1024 * 1024 };
/** The size of a read from the event log, and of a batch for a subscription. */
const PAGE_SIZE = 256;
/** The wait for a missing number before the event log is read: its transaction is usually about to commit. */
const GAP_TIMEOUT_MS = 20;
/** The pause after a failed read of the event log. */
const RETRY_MS = 1_000;
/**
 * The minimum pause between batches. It grows with the number of batching subscriptions, so that sending to them (about
 * 12 µs each, docs/decisions/event_batching.md) leaves half of a core for other work.
 */
const BATCH_WINDOW = { minMs: 20, perSubscriptionMs: 0.025, maxMs: 250 };

export interface FeedOptions {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  /** Carries notices of events between instances that share the event log. */
  readonly eventBus?: EventBus | undefined;
  /** The interval, in ms, at which to poll the event log for events whose notices were lost. Default: never. */
  readonly pollMs?: number | undefined;
  readonly replayLimits?: ReplayLimits;
  readonly pageSize?: number;
}

interface SubscribeOptions extends Omit<SubscriptionOptions, "since"> {
  /** Default: the number of the last event. */
  readonly since?: number | undefined;
  /** Whether to collect events during a short window. The first event after a quiet period comes immediately. */
  readonly batch?: boolean;
}

/**
 * All events for clients, in the order of their numbers. Events are stored in the event log before they are emitted. Each
 * subscription reads at its own pace: recent events from memory, older ones from the event log.
 */
export class Feed {
  readonly #eventLog: EventLog;
  readonly #clock: Clock;
  readonly #eventBus: EventBus | undefined;
  readonly #pollMs: number | undefined;
  readonly #replayLimits: ReplayLimits;
  readonly #pageSize: number;
  readonly #logger = log("feed");
  /** Wakes subscriptions that do not batch, whenever `lastSeq` grows. */
  readonly #newEvents = new Notifier();
  /** Wakes subscriptions that batch, once per window. */
  readonly #batchWindows = new Notifier();
  /** Wakes the loop that reads missing events from the event log. */
  readonly #gapDetected = new Notifier();
  /** Events that arrived before an event with a lower number, by number. */
  readonly #outOfOrder = new Map<number, StoredEvent>();
  /** The highest number known to be assigned; `lastSeq` is lower while events are missing. */
  #maxSeq = 0;
  /** The number up to which subscriptions that batch have been woken. */
  #flushedSeq = 0;
  /** The latest events; `undefined` until the last number was read from the event log. */
  #replayBuffer: ReplayBuffer | undefined;
  /** The default `since` of subscriptions that were made before `#replayBuffer` was. */
  #startSeq = 0;

  constructor(options: FeedOptions) {
    this.#eventLog = options.eventLog;
    this.#clock = options.clock;
    this.#eventBus = options.eventBus;
    this.#pollMs = options.pollMs;
    this.#replayLimits = options.replayLimits ?? DEFAULT_REPLAY_LIMITS;
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
  }

  /** The number of the last event that subscriptions can read; 0 until `run` has read it. */
  get lastSeq(): number {
    return this.#replayBuffer?.lastSeq ?? 0;
  }

  /** Reads the last number, then reads missing events from the event log, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#catchUp(signal),
      this.#runBatchWindows(signal),
      this.#eventBus?.listen((notice) => this.#onNotice(notice), signal),
      this.#pollEventLog(signal),
    ]);
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const waitForGap = this.#gapDetected.waiter(signal);
    while (!signal.aborted) {
      try {
        if (!this.#replayBuffer) await this.#loadLastSeq();
        if (this.lastSeq >= this.#maxSeq) await waitForGap();
        await this.#clock.sleep(GAP_TIMEOUT_MS, signal);
        if (this.lastSeq < this.#maxSeq) await this.#fillGap();
      } catch (error) {
        this.#logger.warning("Failed to read the event log: {reason}", {
          reason: toErrorMessage(error),
        });
        await this.#clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Events that arrived before this are new to the subscriptions made before it. */
  async #loadLastSeq(): Promise<void> {
    const { last } = await this.#readSeqRange();
    this.#startSeq = Math.min(last, ...this.#outOfOrder.keys().map((seq) => seq - 1));
    this.#startAfter(this.#startSeq);
  }

  /** The event bus may lose the latest notice, and without a later one the loss would go undetected. */
  async #pollEventLog(signal: AbortSignal): Promise<void> {
    if (this.#pollMs === undefined) return;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#pollMs, signal);
      // A failure is retried at the next poll; `/health` reports it.
      if (!signal.aborted) await this.#readSeqRange().catch(() => {});
    }
  }

  /**
   * Notifies the subscriptions of all instances of stored events, which may come in any order and more than once.
   */
  emit(events: readonly StoredEvent[]): void {
    if (events.length === 0) return;
    this.#accept(events);
    this.#eventBus?.publish(events);
  }

  #onNotice({ lastSeq, events }: EventNotice): void {
    this.#maxSeq = Math.max(this.#maxSeq, lastSeq);
    this.#accept(events);
  }

  #accept(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#maxSeq = Math.max(this.#maxSeq, event.seq);
      if (event.seq > this.lastSeq) this.#outOfOrder.set(event.seq, event);
    }
    this.#advance();
    // The event log has them, too.
    if (this.#outOfOrder.size > this.#replayLimits.events) this.#outOfOrder.clear();
  }

  /**
   * Stores and emits an event that reports no change in a store, such as a status.
   * @throws the errors of the event log
   */
  async publish(event: Event): Promise<void> {
    this.emit(await this.#eventLog.append([event]));
  }

  /**
   * Subscribes to the events after number `since`, or to new events, until `signal` aborts. `signal` belongs to this
   * subscription alone. Resolves as soon as `run` has read the last number; events emitted before that are included.
   */
  async subscribe(
    { since, batch = false, signal, ...filter }: SubscribeOptions,
  ): Promise<Subscription> {
    const wait = (batch ? this.#batchWindows : this.#newEvents).waiter(signal);
    const isBeforeStart = !this.#replayBuffer;
    while (!this.#replayBuffer && !signal.aborted) await wait();
    const defaultSince = isBeforeStart ? this.#startSeq : this.lastSeq;
    const reader = {
      lastSeq: () => this.lastSeq,
      seqRange: () => this.#readSeqRange(),
      readAfter: (seq: number) => this.#readAfter(seq),
      waitForEvents: async (seq: number) => {
        while ((batch ? this.#flushedSeq : this.lastSeq) <= seq && !signal.aborted) await wait();
      },
    };
    return new Subscription(reader, { ...filter, since: since ?? defaultSince, signal });
  }

  /** Makes the next events readable, and wakes `run` if one is missing. */
  #advance(): void {
    if (!this.#replayBuffer) return;
    const before = this.lastSeq;
    for (;;) {
      const next = this.#outOfOrder.get(this.lastSeq + 1);
      if (!next) break;
      this.#outOfOrder.delete(next.seq);
      this.#replayBuffer.push(encodeEvent(next));
    }
    if (this.lastSeq > before) this.#newEvents.notifyAll();
    if (this.lastSeq < this.#maxSeq) this.#gapDetected.notifyAll();
  }

  /** Uses one timer for all subscriptions that batch, and none while there are no new events. */
  async #runBatchWindows(signal: AbortSignal): Promise<void> {
    const wait = this.#newEvents.waiter(signal);
    while (!signal.aborted) {
      while (this.lastSeq <= this.#flushedSeq && !signal.aborted) await wait();
      this.#flushedSeq = this.lastSeq;
      const woken = this.#batchWindows.notifyAll();
      await this.#clock.sleep(batchWindowMs(woken), signal);
    }
  }

  async #fillGap(): Promise<void> {
    const maxBefore = this.#maxSeq;
    const page = await this.#eventLog.readAfter(this.lastSeq, this.#pageSize);
    const seqRange = page.length === 0 ? await this.#eventLog.seqRange() : undefined;
    const first = page[0]?.seq ?? seqRange?.first ?? 0;
    // Deleted events are skipped; subscriptions report the gap.
    if (first > this.lastSeq + 1) this.#startAfter(first - 1);
    this.#accept(page);
    // Do not wait for a number that was never assigned.
    if (seqRange && this.#maxSeq === maxBefore) {
      this.#maxSeq = Math.max(this.lastSeq, seqRange.last);
    }
  }

  #startAfter(seq: number): void {
    this.#replayBuffer = new ReplayBuffer(seq, this.#replayLimits);
    for (const pendingSeq of this.#outOfOrder.keys()) {
      if (pendingSeq <= seq) this.#outOfOrder.delete(pendingSeq);
    }
    this.#newEvents.notifyAll();
    this.#batchWindows.notifyAll();
    this.#advance();
  }

  async #readSeqRange(): Promise<SeqRange> {
    const seqRange = await this.#eventLog.seqRange();
    // Clients of another instance may have received events of which this one has no notice yet.
    this.#maxSeq = Math.max(this.#maxSeq, seqRange.last);
    this.#advance();
    return seqRange;
  }

  async #readAfter(seq: number): Promise<readonly EncodedEvent[]> {
    const buffered = this.#replayBuffer?.readAfter(seq, this.#pageSize);
    return buffered ?? (await this.#eventLog.readAfter(seq, this.#pageSize)).map(encodeEvent);
  }
}

function batchWindowMs(subscriptions: number): number {
  const { minMs, perSubscriptionMs, maxMs } = BATCH_WINDOW;
  return Math.min(Math.max(minMs, perSubscriptionMs * subscriptions), maxMs);
}
