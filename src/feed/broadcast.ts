import type { Clock } from "../clock.ts";
import type { Audience } from "./audience.ts";
import { Outbox, type Sink } from "./outbox.ts";
import type { Look, Sight } from "./sight.ts";

/** A snapshot that clients see in one of several views, each what it may; encoded once for those who see the same. */
export interface Frame<View extends string> {
  encode(view: View, sight: Sight): string;
}

/** How often clients that are behind are looked at again. */
const FLUSH_INTERVAL_MS = 250;

export interface MemberOptions<View extends string> {
  readonly view: View;
  /** What it may see now; while that is unknown, or cannot be told, nothing is sent. */
  readonly sight: Look;
  /** Sent at once. */
  readonly current?: Frame<View> | undefined;
}

/** Sends every snapshot to every client that has joined. A client that is behind delays no other. */
export class Broadcast<View extends string> {
  readonly #clock: Clock;
  readonly #audience: Audience;
  readonly #members = new Map<Sink, Member<View>>();
  readonly #behind = new Map<Sink, Outbox>();
  #stopFlushing: (() => void) | undefined;
  #published = 0;
  #coalesced = 0;

  constructor(options: { clock: Clock; audience: Audience }) {
    this.#clock = options.clock;
    this.#audience = options.audience;
  }

  /** Who has joined. */
  get size(): number {
    return this.#members.size;
  }

  /** Who is behind now. */
  get behind(): number {
    return this.#behind.size;
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
  join(sink: Sink, { view, sight, current }: MemberOptions<View>): void {
    const member = { outbox: new Outbox(sink), view, sight, next: undefined, last: undefined };
    this.#members.set(sink, member);
    this.#audience.enter();
    if (current) this.#show(sink, member, { frame: current, isNews: false });
  }

  /** Forgets `sink`; does nothing for one that is not a member (any more). */
  leave(sink: Sink): void {
    if (!this.#members.delete(sink)) return;
    this.#behind.delete(sink);
    this.#rest();
    this.#audience.leave();
  }

  /** Sends a snapshot to everybody. */
  publish(frame: Frame<View>): void {
    this.#showAll({ frame, isNews: false });
  }

  /** Sends a snapshot to those to whom it shows something new: others are not told that there was any. */
  amend(frame: Frame<View>): void {
    this.#showAll({ frame, isNews: true });
  }

  #showAll(next: Next<View>): void {
    this.#published++;
    for (const [sink, member] of this.#members) this.#show(sink, member, next);
  }

  #show(sink: Sink, member: Member<View>, next: Next<View>): void {
    if (member.next) {
      // While it is asked what a client may see, the latest snapshot replaces the one before it.
      member.next = { ...next, isNews: next.isNews && member.next.isNews };
      this.#coalesced++;
      return;
    }
    const sight = member.sight();
    // A promise for each frame would cost a third of what sending it does.
    if (!(sight instanceof Promise)) return this.#offer(sink, member, { next, sight });
    member.next = next;
    void this.#offerOnce(sink, member, sight);
  }

  /** Whoever may see nothing any more is sent away by others; whoever may again gets the next one. */
  async #offerOnce(sink: Sink, member: Member<View>, asked: Promise<Sight>): Promise<void> {
    const sight = await asked.catch(() => undefined);
    const { next } = member;
    member.next = undefined;
    if (!sight || !next || this.#members.get(sink) !== member) return;
    this.#offer(sink, member, { next, sight });
  }

  #offer(
    sink: Sink,
    member: Member<View>,
    { next, sight }: { readonly next: Next<View>; readonly sight: Sight },
  ): void {
    const { outbox, view } = member;
    const snapshot = next.frame.encode(view, sight);
    if (next.isNews && snapshot === member.last) return;
    member.last = snapshot;
    if (!outbox.offer(snapshot, this.#clock.now())) return;
    if (this.#behind.has(sink)) this.#coalesced++;
    this.#behind.set(sink, outbox);
    this.#stopFlushing ??= this.#clock.every(FLUSH_INTERVAL_MS, () => this.#flush());
  }

  #flush(): void {
    for (const [sink, outbox] of this.#behind) {
      const outcome = outbox.flush(this.#clock.now());
      if (outcome !== "held") this.#behind.delete(sink);
      if (outcome === "closed") this.leave(sink);
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#behind.size > 0) return;
    this.#stopFlushing?.();
    this.#stopFlushing = undefined;
  }
}

interface Next<View extends string> {
  readonly frame: Frame<View>;
  /** Whether it is sent only where it differs from the last. */
  readonly isNews: boolean;
}

interface Member<View extends string> {
  readonly outbox: Outbox;
  readonly view: View;
  readonly sight: Look;
  /** What is sent as soon as it is known what may be seen. */
  next: Next<View> | undefined;
  last: string | undefined;
}
