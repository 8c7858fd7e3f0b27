import type { Clock } from "../clock.ts";
import type { Audience } from "./audience.ts";
import { Outbox, type Sink } from "./outbox.ts";

/** A snapshot that clients see in one of several views, encoded once per view. */
export interface Frame<View extends string> {
  encode(view: View): string;
}

/** How often clients that are behind are looked at again. */
const FLUSH_INTERVAL_MS = 250;

/** Sends every snapshot to every client that has joined. A client that is behind delays no other. */
export class Broadcast<View extends string> {
  readonly #clock: Clock;
  readonly #audience: Audience;
  readonly #members = new Map<Sink, Member<View>>();
  readonly #behind = new Map<Sink, Outbox>();
  #stopFlushing: (() => void) | undefined;

  constructor(options: { clock: Clock; audience: Audience }) {
    this.#clock = options.clock;
    this.#audience = options.audience;
  }

  /** From now on `sink` gets every snapshot; `current`, where there is one, at once. */
  join(sink: Sink, view: View, current?: Frame<View>): void {
    const outbox = new Outbox(sink);
    this.#members.set(sink, { outbox, view });
    this.#audience.enter();
    if (current) this.#offer(sink, outbox, current.encode(view));
  }

  /** Forgets `sink`; does nothing for one that is not a member (any more). */
  leave(sink: Sink): void {
    if (!this.#members.delete(sink)) return;
    this.#behind.delete(sink);
    this.#rest();
    this.#audience.leave();
  }

  publish(frame: Frame<View>): void {
    for (const [sink, { outbox, view }] of this.#members) {
      this.#offer(sink, outbox, frame.encode(view));
    }
  }

  #offer(sink: Sink, outbox: Outbox, snapshot: string): void {
    if (!outbox.offer(snapshot, this.#clock.now())) return;
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

interface Member<View> {
  readonly outbox: Outbox;
  readonly view: View;
}
