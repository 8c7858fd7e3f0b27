import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { Notifier } from "./notifier.ts";
import { type EncodedEvent, encodeEvent } from "./event.ts";
import type { Event, StoredEvent } from "./event.ts";
import { Subscription, type SubscriptionOptions } from "./subscription.ts";
import type { EventLog, SeqRange } from "./event_log.ts";
import { ReplayBuffer, type ReplayLimits } from "./replay_buffer.ts";
import type { EventBus, EventNotice } from "./event_bus.ts";

/** What followers that are a little behind get without the journal being asked. */
const DEFAULT_REPLAY_LIMITS: ReplayLimits = { events: 4_096, characters: 4 * 1024 * 1024 };
/** Events that are read, or handed to a follower, in one go. */
const PAGE_SIZE = 256;
/** How long a number may be missing before the journal is read: as a rule its transaction is about to tell. */
const GAP_TIMEOUT_MS = 20;
/** When to ask a journal again that has failed. */
const RETRY_MS = 1_000;
/**
 * How long followers that batch are left alone after they were woken: the longer the more they are, so that sending to them
 * (about 12 µs each, docs/decisions/event_batching.md) leaves half of a core for everything else.
 */
const BATCH_WINDOW = { minMs: 20, perSubscriptionMs: 0.025, maxMs: 250 };

export interface FeedOptions {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  /** What other instances keep in the same journal is heard of by this. */
  readonly eventBus?: EventBus;
  /** How often to look for what others have kept and the wire has lost, in ms; never unless given. */
  readonly pollMs?: number;
  readonly replayLimits?: ReplayLimits;
  readonly pageSize?: number;
}

export interface SubscribeOptions extends Omit<SubscriptionOptions, "since"> {
  readonly since?: number | undefined;
  /** Whether to wait for what comes within a short window together. After a quiet time the first event comes at once. */
  readonly batch?: boolean;
}

/**
 * Everything that clients hear, in the order of its numbers. Events are kept in the journal before they are told; each
 * follower reads at its own pace, from memory where it can and from the journal where it must.
 */
export class Feed {
  readonly #eventLog: EventLog;
  readonly #clock: Clock;
  readonly #eventBus: EventBus | undefined;
  readonly #pollMs: number | undefined;
  readonly #replayLimits: ReplayLimits;
  readonly #pageSize: number;
  readonly #logger = log("feed");
  readonly #newEvents = new Notifier();
  /** Rung for followers that batch, once a window. */
  readonly #batchWindows = new Notifier();
  readonly #gapDetected = new Notifier();
  /** Events that were told before one with a lower number. */
  readonly #outOfOrder = new Map<number, StoredEvent>();
  /** The highest number that is known to have been given. */
  #maxSeq = 0;
  /** Up to which number followers that batch have been woken. */
  #flushedSeq = 0;
  /** Unknown until the journal has told the last number. */
  #replayBuffer: ReplayBuffer | undefined;
  /** Where those begin who came before that. */
  #startSeq = 0;

  constructor(options: FeedOptions) {
    this.#eventLog = options.eventLog;
    this.#clock = options.clock;
    this.#eventBus = options.eventBus;
    this.#pollMs = options.pollMs;
    this.#replayLimits = options.replayLimits ?? DEFAULT_REPLAY_LIMITS;
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
  }

  /** The number of the last event that followers see; 0 until `run` has learned it. */
  get lastSeq(): number {
    return this.#replayBuffer?.lastSeq ?? 0;
  }

  /** Learns the last number, then reads from the journal what was not told, until `signal` aborts. */
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
        this.#logger.warning("Cannot read the journal: {reason}", {
          reason: toErrorMessage(error),
        });
        await this.#clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Learns the last number. What was told meanwhile is news to those who came before. */
  async #loadLastSeq(): Promise<void> {
    const { last: lastSeq } = await this.#seqRange();
    this.#startSeq = Math.min(lastSeq, ...this.#outOfOrder.keys().map((seq) => seq - 1));
    this.#startAfter(this.#startSeq);
  }

  /** The wire may lose what was published last, and nothing that comes after it would show that. */
  async #pollEventLog(signal: AbortSignal): Promise<void> {
    if (this.#pollMs === undefined) return;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#pollMs, signal);
      // A journal that fails is asked again; `/health` tells.
      if (!signal.aborted) await this.#seqRange().catch(() => {});
    }
  }

  /**
   * Tells followers, of other instances too, of events that the journal keeps. They may come in any order, and more than
   * once.
   */
  emit(events: readonly StoredEvent[]): void {
    if (events.length === 0) return;
    this.#accept(events);
    this.#eventBus?.publish(events);
  }

  #onNotice({ last: lastSeq, events }: EventNotice): void {
    this.#maxSeq = Math.max(this.#maxSeq, lastSeq);
    this.#accept(events);
  }

  #accept(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#maxSeq = Math.max(this.#maxSeq, event.seq);
      if (event.seq > this.lastSeq) this.#outOfOrder.set(event.seq, event);
    }
    this.#advance();
    // They can be read from the journal as well.
    if (this.#outOfOrder.size > this.#replayLimits.events) this.#outOfOrder.clear();
  }

  /**
   * Keeps and tells an event that no store keeps with a change, such as a status.
   * @throws what the journal throws
   */
  async publish(event: Event): Promise<void> {
    this.emit(await this.#eventLog.append([event]));
  }

  /**
   * Follows from number `since` on (exclusive), or from now on, until `signal` aborts, which is the follower's own.
   * Resolves as soon as `run` has learned the last number; what was told before that is heard, too.
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
      seqRange: () => this.#seqRange(),
      readAfter: (seq: number) => this.#readAfter(seq),
      waitForEvents: async (seq: number) => {
        while ((batch ? this.#flushedSeq : this.lastSeq) <= seq && !signal.aborted) await wait();
      },
    };
    return new Subscription(reader, { ...filter, since: since ?? defaultSince, signal });
  }

  /** Makes those events visible that come next, and tells `run` where one is missing. */
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

  /** One timer for all followers that batch, and none while there is no news. */
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
    // What is no longer kept cannot be told: followers will find the gap.
    if (first > this.lastSeq + 1) this.#startAfter(first - 1);
    this.#accept(page);
    // A number that was never given is not waited for.
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

  async #seqRange(): Promise<SeqRange> {
    const seqRange = await this.#eventLog.seqRange();
    // Another instance may have told its clients of events that we have yet to hear of.
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
