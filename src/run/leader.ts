import { type Clock, within } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import type { Fences, Lease, Term } from "./lease.ts";

/** How long the lease is held without a renewal. */
const TTL_MS = 10_000;
/** So long before its end the holder asks nothing more: what is under way ends before another begins. */
const MARGIN_MS = 2_000;
const RENEW_MS = 3_000;
/** After a renewal of which nothing was heard. */
const RENEW_AGAIN_MS = 500;
/** How often others try to take it: with TTL_MS, when somebody follows one that has died. */
const TAKE_MS = 2_000;
/** Whoever decides has so long for an answer. */
const ANSWER_MS = 3_000;

export interface LeadershipOptions {
  readonly lease: Lease;
  readonly fences: Fences;
  /** This instance, by a name that no other has or had. */
  readonly holder: string;
  readonly clock: Clock;
}

interface Held extends Term {
  /** When the answer that the lease is held was asked for, in ms since the epoch. */
  askedAt: number;
  readonly lost: AbortController;
}

/** Does some work while this instance holds the lease, and ends it before another one can begin it. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #logger = log("lease");
  #held: Held | undefined;
  #terms = 0;
  #isAwayTold = false;
  #fence: number | undefined;
  #taken = 0;
  #lost = 0;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** The term of now; `undefined` while this instance does not hold the lease. */
  get term(): Term | undefined {
    this.look();
    return this.#held?.lost.signal.aborted ? undefined : this.#held;
  }

  get isHeld(): boolean {
    return this.term !== undefined;
  }

  /** Of the last term; `undefined` before the first. */
  get fence(): number | undefined {
    return this.#fence;
  }

  /** How many terms there were, and how many of them did not end because we stopped. */
  get taken(): number {
    return this.#taken;
  }

  get lost(): number {
    return this.#lost;
  }

  /**
   * Ends the work when the lease has run out. A process that was paused goes on anywhere: whoever is about to do what one
   * instance alone may do looks first.
   */
  look(): void {
    const { clock } = this.#options;
    const held = this.#held;
    if (!held || held.lost.signal.aborted) return;
    const left = leftOf(held, clock.now());
    // A clock that was set back tells nothing of the time since.
    if (left > 0 && clock.now() >= held.askedAt) return;
    this.#logger.warning("The lease was not renewed in time: another instance may poll now");
    held.lost.abort();
  }

  /** Takes the lease whenever it can, and does `work` until its signal aborts: when the lease is lost, or `signal` aborts. */
  async run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const held = await this.#take();
      if (held) await this.#hold(held, { work, signal });
      await this.#options.clock.sleep(TAKE_MS, signal);
    }
  }

  async #take(): Promise<Held | undefined> {
    const { lease, fences, clock } = this.#options;
    // Of each term its own: what was asked for in one before, and is done late, must not concern this one.
    const holder = `${this.#options.holder}/${++this.#terms}`;
    const askedAt = clock.now();
    try {
      const fence = await this.#answer(
        fences.highest().then((above) => lease.take(holder, { ttlMs: TTL_MS, above })),
      );
      if (fence === undefined) return undefined;
      const isFirst = await this.#answer(fences.raise({ holder, fence }));
      this.#isAwayTold = false;
      const held = { holder, fence, askedAt, lost: new AbortController() };
      if (isFirst && leftOf(held, clock.now()) > 0) return held;
    } catch (error) {
      this.#tell(error);
    }
    // It may have been given to us all the same.
    lease.release(holder).catch(() => {});
    return undefined;
  }

  async #hold(
    held: Held,
    { work, signal }: {
      readonly work: (signal: AbortSignal) => Promise<void>;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { lease } = this.#options;
    this.#held = held;
    this.#fence = held.fence;
    this.#taken++;
    this.#logger.info("This instance polls now, with fence {fence}", { fence: held.fence });
    const ended = AbortSignal.any([signal, held.lost.signal]);
    const renewing = this.#renew(held, ended);
    try {
      await work(ended);
    } finally {
      if (held.lost.signal.aborted) this.#lost++;
      held.lost.abort();
      await renewing;
      this.#held = undefined;
      await this.#answer(lease.release(held.holder)).catch(() => {});
      this.#logger.info("This instance polls no longer");
    }
  }

  async #renew(held: Held, ended: AbortSignal): Promise<void> {
    const { lease, clock } = this.#options;
    let pause = RENEW_MS;
    while (!ended.aborted) {
      const wait = Math.min(pause, leftOf(held, clock.now()));
      if (wait > 0) await clock.sleep(wait, ended);
      this.look();
      if (ended.aborted) return;
      const askedAt = clock.now();
      pause = RENEW_AGAIN_MS;
      try {
        const limit = Math.min(ANSWER_MS, leftOf(held, askedAt));
        const isMine = await this.#answer(lease.renew(held.holder, { ttlMs: TTL_MS }), limit);
        if (!isMine) return held.lost.abort();
        held.askedAt = askedAt;
        pause = RENEW_MS;
        this.#isAwayTold = false;
      } catch (error) {
        this.#tell(error);
      }
    }
  }

  #answer<T>(answer: Promise<T>, ms = ANSWER_MS): Promise<T> {
    return within(this.#options.clock, ms, answer);
  }

  /** Once for each outage. */
  #tell(error: unknown): void {
    if (this.#isAwayTold) return;
    this.#isAwayTold = true;
    this.#logger.warning("Cannot tell who polls: {reason}", { reason: messageOf(error) });
  }
}

/** How long the holder may go on, in ms. */
function leftOf({ askedAt }: Held, now: number): number {
  return askedAt + TTL_MS - MARGIN_MS - now;
}
