import { type Clock, withTimeout } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { log } from "../log.ts";
import type { FencingTokens, Lease, Term } from "./lease.ts";

/** The lease expires this long after its last renewal. */
const TTL_MS = 10_000;
/** The leader stops this long before the lease expires, so that its requests end before the next leader starts. */
const SAFETY_MARGIN_MS = 2_000;
const RENEW_INTERVAL_MS = 3_000;
/** After a renewal without a response. */
const RENEW_RETRY_MS = 500;
/** How often the other instances try to acquire the lease. With TTL_MS, this is the failover time. */
const ACQUIRE_INTERVAL_MS = 2_000;
const REQUEST_TIMEOUT_MS = 3_000;

/** Decides when this instance may do the work of the leader. */
export interface Leadership {
  readonly isLeader: boolean;
  /** The fencing token of the last term; `undefined` before the first. */
  readonly fencingToken: number | undefined;
  /** Terms so far, and how many of them ended before this instance stopped. */
  readonly acquired: number;
  readonly lost: number;
  /** Ends the work at once if the lease has expired. Call this before each action that only the leader may take. */
  checkExpired(): void;
  /** Runs `work` in each term; its signal aborts when the term ends or `signal` aborts. */
  run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** The leadership of an instance that shares its database with no other. */
export class SoleLeader implements Leadership {
  readonly isLeader = true;
  readonly fencingToken = undefined;
  readonly acquired = 0;
  readonly lost = 0;

  checkExpired(): void {}

  run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    return work(signal);
  }
}

interface LeaderElectionOptions {
  readonly lease: Lease;
  readonly fencingTokens: FencingTokens;
  /** A unique name of this instance. */
  readonly holder: string;
  readonly clock: Clock;
}

interface HeldLease extends Term {
  /** When the last successful acquisition or renewal was requested, in ms since the epoch. */
  requestedAt: number;
  readonly lost: AbortController;
}

/** Runs work while this instance holds the lease, and stops it before another instance can start it. */
export class LeaderElection implements Leadership {
  readonly #options: LeaderElectionOptions;
  readonly #logger = log("lease");
  #held: HeldLease | undefined;
  #terms = 0;
  #isOutageLogged = false;
  #fencingToken: number | undefined;
  #acquired = 0;
  #lost = 0;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  /** The current term; `undefined` while this instance is not the leader. */
  get term(): Term | undefined {
    this.checkExpired();
    return this.#held?.lost.signal.aborted ? undefined : this.#held;
  }

  get isLeader(): boolean {
    return this.term !== undefined;
  }

  get fencingToken(): number | undefined {
    return this.#fencingToken;
  }

  get acquired(): number {
    return this.#acquired;
  }

  get lost(): number {
    return this.#lost;
  }

  /** A process can be paused at any point, so a timer does not suffice. */
  checkExpired(): void {
    const { clock } = this.#options;
    const held = this.#held;
    if (!held || held.lost.signal.aborted) return;
    const remainingMs = remainingTime(held, clock.now());
    // After the clock was set back, the elapsed time is unknown.
    if (remainingMs > 0 && clock.now() >= held.requestedAt) return;
    this.#logger.warning("The lease was not renewed in time; another instance may lead now");
    held.lost.abort();
  }

  async run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const held = await this.#acquire();
      if (held) await this.#lead(held, { work, signal });
      await this.#options.clock.sleep(ACQUIRE_INTERVAL_MS, signal);
    }
  }

  async #acquire(): Promise<HeldLease | undefined> {
    const { lease, fencingTokens, clock } = this.#options;
    // Each term has its own name, so that late requests of an earlier term do not affect it.
    const holder = `${this.#options.holder}/${++this.#terms}`;
    const requestedAt = clock.now();
    try {
      const fencingToken = await this.#withTimeout(
        fencingTokens.current().then((above) => lease.acquire(holder, { ttlMs: TTL_MS, above })),
      );
      if (fencingToken === undefined) return undefined;
      const isAdvanced = await this.#withTimeout(fencingTokens.advance({ holder, fencingToken }));
      this.#isOutageLogged = false;
      const held = { holder, fencingToken, requestedAt, lost: new AbortController() };
      if (isAdvanced && remainingTime(held, clock.now()) > 0) return held;
    } catch (error) {
      this.#logOutage(error);
    }
    // The lease may have been acquired although the request failed.
    lease.release(holder).catch(() => {});
    return undefined;
  }

  async #lead(
    held: HeldLease,
    { work, signal }: {
      readonly work: (signal: AbortSignal) => Promise<void>;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { lease } = this.#options;
    this.#held = held;
    this.#fencingToken = held.fencingToken;
    this.#acquired++;
    this.#logger.info("Became leader (fencing token {fencingToken})", {
      fencingToken: held.fencingToken,
    });
    const ended = AbortSignal.any([signal, held.lost.signal]);
    const renewing = this.#renew(held, ended);
    try {
      await work(ended);
    } finally {
      if (held.lost.signal.aborted) this.#lost++;
      held.lost.abort();
      await renewing;
      this.#held = undefined;
      await this.#withTimeout(lease.release(held.holder)).catch(() => {});
      this.#logger.info("Lost leadership");
    }
  }

  async #renew(held: HeldLease, ended: AbortSignal): Promise<void> {
    const { lease, clock } = this.#options;
    let pause = RENEW_INTERVAL_MS;
    while (!ended.aborted) {
      const wait = Math.min(pause, remainingTime(held, clock.now()));
      if (wait > 0) await clock.sleep(wait, ended);
      this.checkExpired();
      if (ended.aborted) return;
      const requestedAt = clock.now();
      pause = RENEW_RETRY_MS;
      try {
        const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, remainingTime(held, requestedAt));
        const isRenewed = await this.#withTimeout(
          lease.renew(held.holder, { ttlMs: TTL_MS }),
          timeoutMs,
        );
        if (!isRenewed) return held.lost.abort();
        held.requestedAt = requestedAt;
        pause = RENEW_INTERVAL_MS;
        this.#isOutageLogged = false;
      } catch (error) {
        this.#logOutage(error);
      }
    }
  }

  #withTimeout<T>(request: Promise<T>, ms = REQUEST_TIMEOUT_MS): Promise<T> {
    return withTimeout(this.#options.clock, ms, request);
  }

  /** Logs each outage once. */
  #logOutage(error: unknown): void {
    if (this.#isOutageLogged) return;
    this.#isOutageLogged = true;
    this.#logger.warning("Leader election failed: {reason}", { reason: toErrorMessage(error) });
  }
}

/** How long the leader may continue, in ms. */
function remainingTime({ requestedAt }: HeldLease, now: number): number {
  return requestedAt + TTL_MS - SAFETY_MARGIN_MS - now;
}
