import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { Bell } from "./bell.ts";
import { encode, type EncodedEvent } from "./encoded.ts";
import type { Event, NumberedEvent } from "./event.ts";
import { Follower, type FollowerOptions } from "./follower.ts";
import type { Bounds, Journal } from "./journal.ts";
import { Recent, type RecentSize } from "./recent.ts";
import type { News, Wire } from "./wire.ts";

/** What followers that are a little behind get without the journal being asked. */
const RECENT_SIZE: RecentSize = { events: 4_096, characters: 4 * 1024 * 1024 };
/** Events that are read, or handed to a follower, in one go. */
const PAGE_SIZE = 256;
/** How long a number may be missing before the journal is read: as a rule its transaction is about to tell. */
const HOLE_PATIENCE_MS = 20;
/** When to ask a journal again that has failed. */
const RETRY_MS = 1_000;
/**
 * How long followers that batch are left alone after they were woken: the longer the more they are, so that sending to them
 * (about 12 µs each, docs/decisions/batch.md) leaves half of a core for everything else.
 */
const WINDOW = { leastMs: 20, perFollowerMs: 0.025, greatestMs: 250 };

export interface FeedOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** What other instances keep in the same journal is heard of by this. */
  readonly wire?: Wire;
  /** How often to look for what others have kept and the wire has lost, in ms; never unless given. */
  readonly lookMs?: number;
  readonly recent?: RecentSize;
  readonly pageSize?: number;
}

export interface FollowOptions extends Omit<FollowerOptions, "since"> {
  readonly since?: number | undefined;
  /** Whether to wait for what comes within a short window together. After a quiet time the first event comes at once. */
  readonly batch?: boolean;
}

/**
 * Everything that clients hear, in the order of its numbers. Events are kept in the journal before they are told; each
 * follower reads at its own pace, from memory where it can and from the journal where it must.
 */
export class Feed {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #wire: Wire | undefined;
  readonly #lookMs: number | undefined;
  readonly #recentSize: RecentSize;
  readonly #pageSize: number;
  readonly #logger = log("feed");
  readonly #news = new Bell();
  /** Rung for followers that batch, once a window. */
  readonly #windows = new Bell();
  readonly #holes = new Bell();
  /** Events that were told before one with a lower number. */
  readonly #early = new Map<number, NumberedEvent>();
  /** The highest number that is known to have been given. */
  #highest = 0;
  /** Up to which number followers that batch have been woken. */
  #shown = 0;
  /** Unknown until the journal has told the last number. */
  #recent: Recent | undefined;
  /** Where those begin who came before that. */
  #start = 0;

  constructor(options: FeedOptions) {
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#wire = options.wire;
    this.#lookMs = options.lookMs;
    this.#recentSize = options.recent ?? RECENT_SIZE;
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
  }

  /** The number of the last event that followers see; 0 until `run` has learned it. */
  get last(): number {
    return this.#recent?.last ?? 0;
  }

  /** Learns the last number, then reads from the journal what was not told, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#catchUp(signal),
      this.#openWindows(signal),
      this.#wire?.listen((news) => this.#hear(news), signal),
      this.#look(signal),
    ]);
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const hole = this.#holes.listener(signal);
    while (!signal.aborted) {
      try {
        if (!this.#recent) await this.#begin();
        if (this.last >= this.#highest) await hole();
        await this.#clock.sleep(HOLE_PATIENCE_MS, signal);
        if (this.last < this.#highest) await this.#fill();
      } catch (error) {
        this.#logger.warning("Cannot read the journal: {reason}", { reason: messageOf(error) });
        await this.#clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Learns the last number. What was told meanwhile is news to those who came before. */
  async #begin(): Promise<void> {
    const { last } = await this.#bounds();
    this.#start = Math.min(last, ...this.#early.keys().map((seq) => seq - 1));
    this.#startAfter(this.#start);
  }

  /** The wire may lose what was published last, and nothing that comes after it would show that. */
  async #look(signal: AbortSignal): Promise<void> {
    if (this.#lookMs === undefined) return;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#lookMs, signal);
      // A journal that fails is asked again; `/health` tells.
      if (!signal.aborted) await this.#bounds().catch(() => {});
    }
  }

  /**
   * Tells followers, of other instances too, of events that the journal keeps. They may come in any order, and more than
   * once.
   */
  tell(events: readonly NumberedEvent[]): void {
    if (events.length === 0) return;
    this.#take(events);
    this.#wire?.publish(events);
  }

  #hear({ last, events }: News): void {
    this.#highest = Math.max(this.#highest, last);
    this.#take(events);
  }

  #take(events: readonly NumberedEvent[]): void {
    for (const event of events) {
      this.#highest = Math.max(this.#highest, event.seq);
      if (event.seq > this.last) this.#early.set(event.seq, event);
    }
    this.#advance();
    // They can be read from the journal as well.
    if (this.#early.size > this.#recentSize.events) this.#early.clear();
  }

  /**
   * Keeps and tells an event that no store keeps with a change, such as a status.
   * @throws what the journal throws
   */
  async publish(event: Event): Promise<void> {
    this.tell(await this.#journal.append([event]));
  }

  /**
   * Follows from number `since` on (exclusive), or from now on, until `signal` aborts, which is the follower's own.
   * Resolves as soon as `run` has learned the last number; what was told before that is heard, too.
   */
  async follow({ since, batch = false, signal, ...filter }: FollowOptions): Promise<Follower> {
    const news = (batch ? this.#windows : this.#news).listener(signal);
    const isEarly = !this.#recent;
    while (!this.#recent && !signal.aborted) await news();
    const present = isEarly ? this.#start : this.last;
    const source = {
      last: () => this.last,
      bounds: () => this.#bounds(),
      after: (seq: number) => this.#after(seq),
      newsAfter: async (seq: number) => {
        while ((batch ? this.#shown : this.last) <= seq && !signal.aborted) await news();
      },
    };
    return new Follower(source, { ...filter, since: since ?? present, signal });
  }

  /** Makes those events visible that come next, and tells `run` where one is missing. */
  #advance(): void {
    if (!this.#recent) return;
    const before = this.last;
    for (;;) {
      const next = this.#early.get(this.last + 1);
      if (!next) break;
      this.#early.delete(next.seq);
      this.#recent.push(encode(next));
    }
    if (this.last > before) this.#news.ring();
    if (this.last < this.#highest) this.#holes.ring();
  }

  /** One timer for all followers that batch, and none while there is no news. */
  async #openWindows(signal: AbortSignal): Promise<void> {
    const news = this.#news.listener(signal);
    while (!signal.aborted) {
      while (this.last <= this.#shown && !signal.aborted) await news();
      this.#shown = this.last;
      const woken = this.#windows.ring();
      await this.#clock.sleep(windowMs(woken), signal);
    }
  }

  async #fill(): Promise<void> {
    const told = this.#highest;
    const page = await this.#journal.after(this.last, this.#pageSize);
    const bounds = page.length === 0 ? await this.#journal.bounds() : undefined;
    const first = page[0]?.seq ?? bounds?.first ?? 0;
    // What is no longer kept cannot be told: followers will find the gap.
    if (first > this.last + 1) this.#startAfter(first - 1);
    this.#take(page);
    // A number that was never given is not waited for.
    if (bounds && this.#highest === told) this.#highest = Math.max(this.last, bounds.last);
  }

  #startAfter(seq: number): void {
    this.#recent = new Recent(seq, this.#recentSize);
    for (const early of this.#early.keys()) if (early <= seq) this.#early.delete(early);
    this.#news.ring();
    this.#windows.ring();
    this.#advance();
  }

  async #bounds(): Promise<Bounds> {
    const bounds = await this.#journal.bounds();
    // Another instance may have told its clients of events that we have yet to hear of.
    this.#highest = Math.max(this.#highest, bounds.last);
    this.#advance();
    return bounds;
  }

  async #after(seq: number): Promise<readonly EncodedEvent[]> {
    const recent = this.#recent?.after(seq, this.#pageSize);
    return recent ?? (await this.#journal.after(seq, this.#pageSize)).map(encode);
  }
}

function windowMs(followers: number): number {
  const { leastMs, perFollowerMs, greatestMs } = WINDOW;
  return Math.min(Math.max(leastMs, perFollowerMs * followers), greatestMs);
}
