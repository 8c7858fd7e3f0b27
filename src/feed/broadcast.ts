import type { Clock } from "../clock.ts";
import type { Visibility, VisibilityResolver } from "../visibility.ts";
import type { ActiveClients } from "./active_clients.ts";
import { SendQueue } from "./send_queue.ts";
import { MAX_BACKOFF_MS, type Sink } from "./slow_client.ts";

/** A snapshot with several views. Clients with the same view and visibility get the same encoded string. */
interface Frame<View extends string> {
  encode(view: View, visibility: Visibility): string;
}

interface SubscriberOptions<View extends string> {
  readonly view: View;
  /** Returns the current visibility of the client. Nothing is sent while it is pending, or when it rejects. */
  readonly visibility: VisibilityResolver;
  /** The current snapshot, sent immediately. */
  readonly current?: Frame<View> | undefined;
}

/** Sends every snapshot to every subscribed client. A slow client skips to the latest snapshot and delays no other. */
export class Broadcast<View extends string> {
  readonly #clock: Clock;
  readonly #activeClients: ActiveClients;
  readonly #subscribers = new Map<Sink, Subscriber<View>>();
  /** Clients with a queued snapshot. */
  readonly #slowClients = new Map<Sink, SendQueue>();
  /** Stops the timer that flushes all slow clients; `undefined` while no client is slow. */
  #stopFlushing: (() => void) | undefined;
  #published = 0;
  #coalesced = 0;

  constructor(options: { clock: Clock; activeClients: ActiveClients }) {
    this.#clock = options.clock;
    this.#activeClients = options.activeClients;
  }

  /** The number of subscribed clients. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** The number of slow clients. */
  get slowClients(): number {
    return this.#slowClients.size;
  }

  /** The number of published snapshots. */
  get published(): number {
    return this.#published;
  }

  /** The number of snapshots that a later one replaced before they were sent, summed over the clients. */
  get coalesced(): number {
    return this.#coalesced;
  }

  subscribe(sink: Sink, { view, visibility, current }: SubscriberOptions<View>): void {
    const subscriber = {
      queue: new SendQueue(sink, "latest"),
      view,
      visibility,
      pending: undefined,
      last: undefined,
    };
    this.#subscribers.set(sink, subscriber);
    this.#activeClients.add();
    if (current) this.#send(sink, subscriber, { frame: current, onlyIfChanged: false });
  }

  /** Does nothing if `sink` is not subscribed. */
  unsubscribe(sink: Sink): void {
    if (!this.#subscribers.delete(sink)) return;
    this.#slowClients.delete(sink);
    this.#stopFlushingIfIdle();
    this.#activeClients.remove();
  }

  /** Sends a snapshot to every client. */
  publish(frame: Frame<View>): void {
    this.#sendAll({ frame, onlyIfChanged: false });
  }

  /** Sends a snapshot to the clients for which it differs from the previous one. */
  publishIfChanged(frame: Frame<View>): void {
    this.#sendAll({ frame, onlyIfChanged: true });
  }

  #sendAll(pending: PendingFrame<View>): void {
    this.#published++;
    for (const [sink, subscriber] of this.#subscribers) this.#send(sink, subscriber, pending);
  }

  #send(sink: Sink, subscriber: Subscriber<View>, pending: PendingFrame<View>): void {
    if (subscriber.pending) {
      // While the visibility is pending, the latest snapshot replaces the one before it.
      subscriber.pending = {
        ...pending,
        onlyIfChanged: pending.onlyIfChanged && subscriber.pending.onlyIfChanged,
      };
      this.#coalesced++;
      return;
    }
    const visibility = subscriber.visibility();
    // A promise per frame would cost a third of what sending it costs.
    if (!(visibility instanceof Promise)) {
      return this.#encodeAndSend(sink, subscriber, { pending, visibility });
    }
    subscriber.pending = pending;
    void this.#sendOnceVisible(sink, subscriber, visibility);
  }

  /** If the visibility rejects, the client gets the next snapshot instead; the session monitor closes clients without access. */
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
    this.#stopFlushing ??= this.#clock.every(MAX_BACKOFF_MS, () => this.#flush());
  }

  #flush(): void {
    for (const [sink, queue] of this.#slowClients) {
      const outcome = queue.flush(this.#clock.now());
      if (outcome !== "blocked") this.#slowClients.delete(sink);
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
  /** Whether to skip clients for which the frame equals the previous one. */
  readonly onlyIfChanged: boolean;
}

interface Subscriber<View extends string> {
  readonly queue: SendQueue;
  readonly view: View;
  readonly visibility: VisibilityResolver;
  /** The frame to send as soon as the visibility resolves. */
  pending: PendingFrame<View> | undefined;
  /** The encoded frame that was sent or queued last. */
  last: string | undefined;
}
