import type { Clock } from "../clock.ts";
import { type Refusal, RefusedError, StorageError } from "../errors.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import { log } from "../log.ts";
import type { Cycle } from "./cycle.ts";
import { type Budget, nextBeat, paceToBudget, type Random, waitUntil } from "./pace.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the poller is doing. Times in ms since the epoch. */
export type Phase =
  | { readonly name: "resting" }
  | { readonly name: "listing" }
  | { readonly name: "fetching"; readonly fetch: number }
  | { readonly name: "waiting"; readonly until: number }
  | { readonly name: "stopped" };

/** How things stand between us and GitHub. Times in ms since the epoch. */
export interface PollerStatus {
  readonly state: "polling" | "waiting" | "resting" | "unauthorized" | "unreachable";
  /** Until when GitHub is left alone; `null` while nothing but the beat is waited for. */
  readonly waitingUntil: number | null;
  readonly lastSuccessAt: number | null;
}

export interface PollerOptions {
  readonly cycle: Cycle;
  /** From beat to beat, in ms. */
  readonly interval: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly audience: ActiveClients;
  readonly budget: () => Budget | undefined;
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
  #phase: Phase = { name: "resting" };
  #due = 0;
  #snapshot: Snapshot | undefined;
  #trouble: Refusal["kind"] | undefined;
  #refusals = 0;
  #isHeldBack = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get status(): PollerStatus {
    const lastSuccessAt = this.#snapshot?.takenAt ?? null;
    if (this.#phase.name === "resting" || this.#phase.name === "stopped") {
      return { state: "resting", waitingUntil: null, lastSuccessAt };
    }
    return {
      state: this.#state(),
      waitingUntil: this.#isHeldBack ? this.#due : null,
      lastSuccessAt,
    };
  }

  /** Until when GitHub is to be left alone by everybody, in ms since the epoch. */
  get heldBackUntil(): number | undefined {
    return this.#isHeldBack && this.#options.clock.now() < this.#due ? this.#due : undefined;
  }

  get isHeldBack(): boolean {
    return this.heldBackUntil !== undefined;
  }

  /** The snapshot to greet a new client with: one younger than a beat, or the last one where no fresher can be had now. */
  get current(): Snapshot | undefined {
    const { clock, interval } = this.#options;
    if (!this.#snapshot) return undefined;
    const isYoung = clock.now() - this.#snapshot.takenAt < interval;
    return isYoung || this.#trouble || this.#phase.name === "waiting" ? this.#snapshot : undefined;
  }

  /** Takes in a snapshot that came about between the beats. */
  amend(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  /** Leaves GitHub alone for as long as `error`, which it answered to somebody else's request, demands. */
  hold(error: RefusedError): void {
    this.#back(error);
  }

  /** Polls until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { audience, clock } = this.#options;
    while (!signal.aborted) {
      if (audience.size === 0) await this.#rest(signal);
      else if (clock.now() < this.#due) await this.#wait(signal);
      else await this.#beat(signal);
    }
    this.#enter({ name: "stopped" });
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { audience, clock, cycle } = this.#options;
    this.#enter({ name: "resting" });
    await audience.waitForFirst(signal);
    if (clock.now() <= this.#due) return;
    this.#due = clock.now();
    this.#trouble = undefined;
    cycle.startOver();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { audience, clock, interval } = this.#options;
    this.#enter({ name: "waiting", until: this.#due });
    const before = clock.now();
    const step = Math.min(this.#due - before, interval);
    await clock.sleep(step, AbortSignal.any([signal, audience.idleSignal]));
    // A system clock that was set back must not make the wait longer.
    this.#due -= Math.max(0, before - clock.now());
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { clock, cycle, interval, onSnapshot } = this.#options;
    const deadline = this.#due + interval;
    try {
      if (cycle.isOver) {
        this.#enter({ name: "listing" });
        await cycle.list(deadline, signal);
      }
      this.#enter({ name: "fetching", fetch: cycle.fetched + 1 });
      this.#snapshot = await cycle.fetch(deadline, signal);
      this.#trouble = undefined;
      this.#refusals = 0;
      const pace = paceToBudget(interval, this.#options.budget(), {
        cost: cycle.cost,
        now: clock.now(),
      });
      this.#due = nextBeat(this.#due, pace, clock.now());
      this.#isHeldBack = pace > interval;
      onSnapshot(this.#snapshot);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RefusedError) return this.#back(error);
      if (!(error instanceof StorageError)) throw error;
      this.#due = nextBeat(this.#due, interval, clock.now());
      this.#logger.error("A beat is lost: {reason}", { reason: error.message });
    }
  }

  /** Backs off after a refusal. */
  #back({ refusal, message }: RefusedError): void {
    const { clock, cycle, interval, random } = this.#options;
    const now = clock.now();
    this.#isHeldBack = true;
    // A list that is "missing" is one that this credential may not have.
    this.#trouble = refusal.kind === "missing" ? "unauthorized" : refusal.kind;
    this.#due = nextBeat(this.#due, interval, now);
    if (refusal.kind !== "unavailable") {
      // At the next beat at the earliest, even where the time that GitHub tells has passed.
      this.#due = Math.max(this.#due, waitUntil(refusal, this.#refusals++, { now, random }));
      cycle.startOver();
    }
    this.#logger.warning("GitHub is left alone until {until}: {reason}", {
      until: new Date(this.#due).toISOString(),
      reason: message,
    });
  }

  #state(): PollerStatus["state"] {
    if (this.#trouble === "unauthorized") return "unauthorized";
    if (this.#trouble === "unavailable") return "unreachable";
    return this.#isHeldBack ? "waiting" : "polling";
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase);
  }
}
