import type { Clock } from "../../clock.ts";
import { GitHubError, type GitHubFailure, StorageError } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import { log } from "../../log.ts";
import type { PollCycle } from "./poll_cycle.ts";
import {
  backoffUntil,
  type GitHubRateLimit,
  nextTick,
  rateLimitedInterval,
} from "../github_rate_limit.ts";
import type { Random } from "../../random.ts";
import type { Snapshot } from "../snapshot.ts";

/** What the poller is doing. Times in ms since the epoch. */
export type Phase =
  | { readonly name: "idle" }
  | { readonly name: "listing" }
  | { readonly name: "fetching"; readonly fetch: number }
  | { readonly name: "waiting"; readonly until: number }
  | { readonly name: "stopped" };

/** How things stand between us and GitHub. Times in ms since the epoch. */
export interface PollerStatus {
  readonly state: "polling" | "waiting" | "idle" | "unauthorized" | "unreachable";
  /** Until when GitHub is left alone; `null` while nothing but the beat is waited for. */
  readonly waitingUntil: number | null;
  readonly lastSuccessAt: number | null;
}

export interface PollerOptions {
  readonly cycle: PollCycle;
  /** From beat to beat, in ms. */
  readonly interval: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly activeClients: ActiveClients;
  readonly rateLimit: () => GitHubRateLimit | undefined;
  readonly onSnapshot: (snapshot: Snapshot) => void;
  readonly onPhase?: (phase: Phase) => void;
}

/**
 * Asks GitHub beat by beat while somebody listens, and leaves it alone when it says so. However many listen, it is asked
 * once.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #logger = log("poller");
  #phase: Phase = { name: "idle" };
  #nextTickAt = 0;
  #snapshot: Snapshot | undefined;
  #lastError: GitHubFailure["kind"] | undefined;
  #failures = 0;
  #isBackingOff = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get status(): PollerStatus {
    const lastSuccessAt = this.#snapshot?.takenAt ?? null;
    if (this.#phase.name === "idle" || this.#phase.name === "stopped") {
      return { state: "idle", waitingUntil: null, lastSuccessAt };
    }
    return {
      state: this.#state(),
      waitingUntil: this.#isBackingOff ? this.#nextTickAt : null,
      lastSuccessAt,
    };
  }

  /** Until when GitHub is to be left alone by everybody, in ms since the epoch. */
  get backoffUntil(): number | undefined {
    return this.#isBackingOff && this.#options.clock.now() < this.#nextTickAt
      ? this.#nextTickAt
      : undefined;
  }

  get isBackingOff(): boolean {
    return this.backoffUntil !== undefined;
  }

  /** The snapshot to greet a new client with: one younger than a beat, or the last one where no fresher can be had now. */
  get current(): Snapshot | undefined {
    const { clock, interval } = this.#options;
    if (!this.#snapshot) return undefined;
    const isFresh = clock.now() - this.#snapshot.takenAt < interval;
    return isFresh || this.#lastError || this.#phase.name === "waiting"
      ? this.#snapshot
      : undefined;
  }

  /** Takes in a snapshot that came about between the beats. */
  setCurrent(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  /** Leaves GitHub alone for as long as `error`, which it answered to somebody else's request, demands. */
  backOff(error: GitHubError): void {
    this.#applyBackoff(error);
  }

  /** Polls until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { activeClients, clock } = this.#options;
    while (!signal.aborted) {
      if (activeClients.size === 0) await this.#waitForClients(signal);
      else if (clock.now() < this.#nextTickAt) await this.#wait(signal);
      else await this.#tick(signal);
    }
    this.#setPhase({ name: "stopped" });
  }

  async #waitForClients(signal: AbortSignal): Promise<void> {
    const { activeClients, clock, cycle } = this.#options;
    this.#setPhase({ name: "idle" });
    await activeClients.waitForFirst(signal);
    if (clock.now() <= this.#nextTickAt) return;
    this.#nextTickAt = clock.now();
    this.#lastError = undefined;
    cycle.reset();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { activeClients, clock, interval } = this.#options;
    this.#setPhase({ name: "waiting", until: this.#nextTickAt });
    const before = clock.now();
    const step = Math.min(this.#nextTickAt - before, interval);
    await clock.sleep(step, AbortSignal.any([signal, activeClients.idleSignal]));
    // A system clock that was set back must not make the wait longer.
    this.#nextTickAt -= Math.max(0, before - clock.now());
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, cycle, interval, onSnapshot } = this.#options;
    const deadline = this.#nextTickAt + interval;
    try {
      if (cycle.isOver) {
        this.#setPhase({ name: "listing" });
        await cycle.list(deadline, signal);
      }
      this.#setPhase({ name: "fetching", fetch: cycle.fetched + 1 });
      this.#snapshot = await cycle.fetch(deadline, signal);
      this.#lastError = undefined;
      this.#failures = 0;
      const pacedInterval = rateLimitedInterval(interval, this.#options.rateLimit(), {
        cost: cycle.maxRequests,
        now: clock.now(),
      });
      this.#nextTickAt = nextTick(this.#nextTickAt, pacedInterval, clock.now());
      this.#isBackingOff = pacedInterval > interval;
      onSnapshot(this.#snapshot);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof GitHubError) return this.#applyBackoff(error);
      if (!(error instanceof StorageError)) throw error;
      this.#nextTickAt = nextTick(this.#nextTickAt, interval, clock.now());
      this.#logger.error("A beat is lost: {reason}", { reason: error.message });
    }
  }

  /** Backs off after a refusal. */
  #applyBackoff({ failure, message }: GitHubError): void {
    const { clock, cycle, interval, random } = this.#options;
    const now = clock.now();
    this.#isBackingOff = true;
    // A list that is "not_accessible" is one that this credential may not have.
    this.#lastError = failure.kind === "not_accessible" ? "unauthorized" : failure.kind;
    this.#nextTickAt = nextTick(this.#nextTickAt, interval, now);
    if (failure.kind !== "unavailable") {
      // At the next beat at the earliest, even where the time that GitHub tells has passed.
      this.#nextTickAt = Math.max(
        this.#nextTickAt,
        backoffUntil(failure, this.#failures++, { now, random }),
      );
      cycle.reset();
    }
    this.#logger.warning("GitHub is left alone until {until}: {reason}", {
      until: new Date(this.#nextTickAt).toISOString(),
      reason: message,
    });
  }

  #state(): PollerStatus["state"] {
    if (this.#lastError === "unauthorized") return "unauthorized";
    if (this.#lastError === "unavailable") return "unreachable";
    return this.#isBackingOff ? "waiting" : "polling";
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase);
  }
}
