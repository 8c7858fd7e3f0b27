import type { Clock } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import { eventData } from "./event.ts";
import type { EventType } from "./event.ts";
import type { Feed } from "./feed.ts";
import type { Subscription } from "./subscription.ts";
import { SendQueue } from "./send_queue.ts";
import { CLOSE_TOO_SLOW, type Sink } from "./latest_queue.ts";

/** How soon a client that is behind is looked at again: first, and at the latest. */
const MIN_BACKOFF_MS = 4;
const MAX_BACKOFF_MS = 250;
/** Frames that are sent in one go, about 12 µs each: then everything else gets its turn. */
const SENDS_PER_BATCH = 400;
/** When to go on after events could not be read. */
const RETRY_MS = 1_000;

export interface TopicFanoutOptions {
  readonly feed: Pick<Feed, "subscribe">;
  /** Of events that are for everybody: they belong to no repository. */
  readonly topics: ReadonlySet<EventType>;
  readonly clock: Clock;
}

/**
 * Sends the data of every event of some topics to every client that has joined: each once, in the order of the feed. One
 * follower of the feed serves all of them, as one for each client would be woken by every event, also by those of other
 * topics. A client that is behind delays no other.
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

  /** From now on `sink` gets every event. */
  subscribe(sink: Sink): void {
    this.#subscribers.set(sink, new SendQueue(sink));
  }

  /** Forgets `sink`; does nothing for one that is not a member (any more). */
  unsubscribe(sink: Sink): void {
    this.#subscribers.delete(sink);
  }

  /** Relays until `signal` aborts. */
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
        this.#logger.warning("Cannot read events: {reason}", { reason: toErrorMessage(error) });
        await clock.sleep(RETRY_MS, signal);
      }
      since = subscription.lastSeq;
    }
  }

  async #sendAll(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const sendBatch = new SendBatch(this.#options.clock);
    for await (const batch of subscription) {
      if ("gap" in batch) this.#disconnectAll();
      else {for (const event of batch.events) {
          await this.#send(eventData(event), { sendBatch, signal });
        }}
    }
  }

  async #send(
    frame: string,
    { sendBatch, signal }: { readonly sendBatch: SendBatch; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#options;
    for (const [sink, queue] of this.#subscribers) {
      const wasSlow = queue.isSlow;
      queue.send(frame, clock.now());
      if (queue.isSlow && !wasSlow) void this.#drain(sink, queue, signal);
      if (sendBatch.isFull()) await sendBatch.yieldToEventLoop();
    }
  }

  /** Those who have joined would miss what cannot be read any more, and not know: they are to come back. */
  #disconnectAll(): void {
    for (const sink of [...this.#subscribers.keys()]) {
      this.unsubscribe(sink);
      sink.close(CLOSE_TOO_SLOW, "Something was missed: connect again");
    }
  }

  /** Sends what is held for a client, as fast as it reads. */
  async #drain(sink: Sink, queue: SendQueue, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let pause = MIN_BACKOFF_MS;;) {
      await clock.sleep(pause, signal);
      if (signal.aborted || this.#subscribers.get(sink) !== queue) return;
      const outcome = queue.flush(clock.now());
      if (outcome === "sent") return;
      if (outcome === "closed") return this.unsubscribe(sink);
      pause = outcome === "part" ? MIN_BACKOFF_MS : Math.min(2 * pause, MAX_BACKOFF_MS);
    }
  }
}

/** Counts what is sent in one turn of the event loop. */
class SendBatch {
  #sent = 0;

  constructor(readonly clock: Clock) {}

  isFull(): boolean {
    return ++this.#sent >= SENDS_PER_BATCH;
  }

  /** By a timer: Deno lets in so little between immediates that a request took 300 ms. */
  async yieldToEventLoop(): Promise<void> {
    this.#sent = 0;
    await this.clock.sleep(0);
  }
}
