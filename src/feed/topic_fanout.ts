import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { eventData, type EventType } from "./event.ts";
import type { Feed } from "./feed.ts";
import { SendQueue } from "./send_queue.ts";
import { CLOSE_TOO_SLOW, type Sink } from "./slow_client.ts";
import type { Subscription } from "./subscription.ts";

/** Frames sent before the event loop gets a turn; a frame takes about 12 µs. */
const SENDS_PER_BATCH = 400;
/** The pause after a failed read. */
const RETRY_MS = 1_000;

interface TopicFanoutOptions {
  readonly feed: Pick<Feed, "subscribe">;
  /** Topics whose events belong to no repository, and so are visible to all clients. */
  readonly topics: ReadonlySet<EventType>;
  readonly clock: Clock;
}

/**
 * Sends the data of every event of some topics to every subscribed client, once and in the order of the feed. All clients
 * share one subscription to the feed: one per client would wake up for every event, including those of other topics. A slow
 * client delays no other.
 */
export class TopicFanout {
  readonly #options: TopicFanoutOptions;
  readonly #subscribers = new Map<Sink, SendQueue>();
  readonly #logger = log("feed");

  constructor(options: TopicFanoutOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  subscribe(sink: Sink): void {
    this.#subscribers.set(sink, new SendQueue(sink, "all"));
  }

  /** Does nothing if `sink` is not subscribed. */
  unsubscribe(sink: Sink): void {
    this.#subscribers.get(sink)?.discard();
    this.#subscribers.delete(sink);
  }

  /** Sends events until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, topics, clock } = this.#options;
    const visibility = () => "all" as const;
    let since: number | undefined;
    while (!signal.aborted) {
      const ownSignal = AbortSignal.any([signal]);
      const subscription = await feed.subscribe({ since, topics, visibility, signal: ownSignal });
      try {
        await this.#sendAll(subscription, signal);
      } catch (error) {
        this.#logger.warning("Failed to read events: {reason}", { reason: toErrorMessage(error) });
        await clock.sleep(RETRY_MS, signal);
      }
      since = subscription.lastSeq;
    }
  }

  async #sendAll(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const sendBatch = new SendBatch(this.#options.clock);
    for await (const batch of subscription) {
      if ("gap" in batch) {
        this.#disconnectAll();
        continue;
      }
      for (const event of batch.events) await this.#send(eventData(event), { sendBatch, signal });
    }
  }

  async #send(
    frame: string,
    { sendBatch, signal }: { readonly sendBatch: SendBatch; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#options;
    for (const [sink, queue] of this.#subscribers) {
      const wasSlow = queue.isSlow;
      const isSlow = queue.send(frame, clock.now());
      if (isSlow && !wasSlow) void this.#drain(sink, queue, signal);
      if (sendBatch.countSend()) await sendBatch.yieldToEventLoop();
    }
  }

  /** Closes every client, because the missing events cannot be sent; clients reconnect. */
  #disconnectAll(): void {
    for (const sink of [...this.#subscribers.keys()]) {
      this.unsubscribe(sink);
      sink.close(CLOSE_TOO_SLOW, "Messages were lost; reconnect");
    }
  }

  /** Ends when the queue is empty, or the client is closed or unsubscribed. */
  async #drain(sink: Sink, queue: SendQueue, signal: AbortSignal): Promise<void> {
    const isDrained = await queue.drain({ clock: this.#options.clock, signal });
    if (!isDrained && !signal.aborted) this.unsubscribe(sink);
  }
}

/** Counts the frames sent in one turn of the event loop. */
class SendBatch {
  #sent = 0;

  constructor(readonly clock: Clock) {}

  /** Counts a sent frame. Returns whether the batch is full. */
  countSend(): boolean {
    return ++this.#sent >= SENDS_PER_BATCH;
  }

  /** Uses a timer: between immediates, Deno runs so few other tasks that a request took 300 ms. */
  async yieldToEventLoop(): Promise<void> {
    this.#sent = 0;
    await this.clock.sleep(0);
  }
}
