import type { Clock } from "../clock.ts";
import type { ActiveClients } from "./active_clients.ts";
import { LatestOnlyQueue, type Sink } from "./latest_queue.ts";
import type { Visibility, VisibilityResolver } from "../visibility.ts";

/** A snapshot that clients see in one of several views, each what it may; encoded once for those who see the same. */
export interface Frame<View extends string> {
  encode(view: View, visibility: Visibility): string;
}

/** How often clients that are behind are looked at again. */
const FLUSH_INTERVAL_MS = 250;

export interface SubscriberOptions<View extends string> {
  readonly view: View;
  /** What it may see now; while that is unknown, or cannot be told, nothing is sent. */
  readonly visibility: VisibilityResolver;
  /** Sent at once. */
  readonly current?: Frame<View> | undefined;
}

/** Sends every snapshot to every client that has joined. A client that is behind delays no other. */
export class Broadcast<View extends string> {
  readonly #clock: Clock;
  readonly #activeClients: ActiveClients;
  readonly #subscribers = new Map<Sink, Subscriber<View>>();
  readonly #slowClients = new Map<Sink, LatestOnlyQueue>();
  #stopFlushing: (() => void) | undefined;
  #published = 0;
  #coalesced = 0;

  constructor(options: { clock: Clock; activeClients: ActiveClients }) {
    this.#clock = options.clock;
    this.#activeClients = options.activeClients;
  }

  /** Who has joined. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Who is behind now. */
  get slowClients(): number {
    return this.#slowClients.size;
  }

  /** How many snapshots were published or amended. */
  get published(): number {
    return this.#published;
  }

  /** How often a client did not get a snapshot since a later one has replaced it. */
  get coalesced(): number {
    return this.#coalesced;
  }

  /** From now on `sink` gets every snapshot. */
  subscribe(sink: Sink, { view, visibility, current }: SubscriberOptions<View>): void {
    const subscriber = {
      queue: new LatestOnlyQueue(sink),
      view,
      visibility,
      pending: undefined,
      last: undefined,
    };
    this.#subscribers.set(sink, subscriber);
    this.#activeClients.add();
    if (current) this.#send(sink, subscriber, { frame: current, onlyIfChanged: false });
  }

  /** Forgets `sink`; does nothing for one that is not a member (any more). */
  unsubscribe(sink: Sink): void {
    if (!this.#subscribers.delete(sink)) return;
    this.#slowClients.delete(sink);
    this.#stopFlushingIfIdle();
    this.#activeClients.remove();
  }

  /** Sends a snapshot to everybody. */
  publish(frame: Frame<View>): void {
    this.#sendAll({ frame, onlyIfChanged: false });
  }

  /** Sends a snapshot to those to whom it shows something new: others are not told that there was any. */
  publishIfChanged(frame: Frame<View>): void {
    this.#sendAll({ frame, onlyIfChanged: true });
  }

  #sendAll(pending: PendingFrame<View>): void {
    this.#published++;
    for (const [sink, subscriber] of this.#subscribers) this.#send(sink, subscriber, pending);
  }

  #send(sink: Sink, subscriber: Subscriber<View>, pending: PendingFrame<View>): void {
    if (subscriber.pending) {
      // While it is asked what a client may see, the latest snapshot replaces the one before it.
      subscriber.pending = {
        ...pending,
        onlyIfChanged: pending.onlyIfChanged && subscriber.pending.onlyIfChanged,
      };
      this.#coalesced++;
      return;
    }
    const visibility = subscriber.visibility();
    // A promise for each frame would cost a third of what sending it does.
    if (!(visibility instanceof Promise)) {
      return this.#encodeAndSend(sink, subscriber, { pending, visibility });
    }
    subscriber.pending = pending;
    void this.#sendOnceVisible(sink, subscriber, visibility);
  }

  /** Whoever may see nothing any more is sent away by others; whoever may again gets the next one. */
  async #sendOnceVisible(
    sink: Sink,
    subscriber: Subscriber<View>,
    resolving: Promise<Visibility>,
  ): Promise<void> {
    const visibility = await resolving.catch(() => undefined);
    const { pending } = subscriber;
    subscriber.pending = undefined;
    if (!visibility || !pending || this.#subscribers.get(sink) !== subscriber) return;
    this.#encodeAndSend(sink, subscriber, { pending, visibility });
  }

  #encodeAndSend(
    sink: Sink,
    subscriber: Subscriber<View>,
    { pending, visibility }: {
      readonly pending: PendingFrame<View>;
      readonly visibility: Visibility;
    },
  ): void {
    const { queue, view } = subscriber;
    const snapshot = pending.frame.encode(view, visibility);
    if (pending.onlyIfChanged && snapshot === subscriber.last) return;
    subscriber.last = snapshot;
    if (!queue.send(snapshot, this.#clock.now())) return;
    if (this.#slowClients.has(sink)) this.#coalesced++;
    this.#slowClients.set(sink, queue);
    this.#stopFlushing ??= this.#clock.every(FLUSH_INTERVAL_MS, () => this.#flush());
  }

  #flush(): void {
    for (const [sink, queue] of this.#slowClients) {
      const outcome = queue.flush(this.#clock.now());
      if (outcome !== "held") this.#slowClients.delete(sink);
      if (outcome === "closed") this.unsubscribe(sink);
    }
    this.#stopFlushingIfIdle();
  }

  #stopFlushingIfIdle(): void {
    if (this.#slowClients.size > 0) return;
    this.#stopFlushing?.();
    this.#stopFlushing = undefined;
  }
}

interface PendingFrame<View extends string> {
  readonly frame: Frame<View>;
  /** Whether it is sent only where it differs from the last. */
  readonly onlyIfChanged: boolean;
}

interface Subscriber<View extends string> {
  readonly queue: LatestOnlyQueue;
  readonly view: View;
  readonly visibility: VisibilityResolver;
  /** What is sent as soon as it is known what may be seen. */
  pending: PendingFrame<View> | undefined;
  last: string | undefined;
}
