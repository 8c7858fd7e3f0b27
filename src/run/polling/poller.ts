import type { Clock } from "../../clock.ts";
import { GitHubError, type GitHubFailure, StorageError } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import { log } from "../../log.ts";
import { type GitHubQuota, nextTick, rateLimitedInterval } from "../github_rate_limit.ts";
import type { PollCycle } from "./poll_cycle.ts";
import type { SnapshotPublisher } from "./snapshot_publisher.ts";

/** What the poller is doing. Times in ms since the epoch. */
export type Phase =
  | { readonly name: "idle" }
  | { readonly name: "listing" }
  | { readonly name: "fetching"; readonly fetch: number }
  | { readonly name: "waiting"; readonly until: number }
  | { readonly name: "stopped" };

/** The state of polling, as `/health` and status events report it. Times in ms since the epoch. */
export interface PollerStatus {
  readonly state: "polling" | "waiting" | "idle" | "unauthorized" | "unreachable";
  /** When polling continues; `null` if it waits only for the next tick. */
  readonly waitingUntil: number | null;
  readonly lastSuccessAt: number | null;
}

/** How the last tick ended. `paced`: it succeeded, and the next one is delayed to save the rate limit. */
type Outcome = "succeeded" | "paced" | "rate_limited" | "unauthorized" | "unreachable";

const STATES: Readonly<Record<Outcome, PollerStatus["state"]>> = {
  succeeded: "polling",
  paced: "waiting",
  rate_limited: "waiting",
  unauthorized: "unauthorized",
  unreachable: "unreachable",
};

const OUTCOMES: Readonly<Record<GitHubFailure["kind"], Outcome>> = {
  rate_limited: "rate_limited",
  unauthorized: "unauthorized",
  // Reaches the poller only if the credential may not list the repositories: the cycle excludes a single one.
  not_accessible: "unauthorized",
  unavailable: "unreachable",
};

interface PollerOptions {
  readonly cycle: PollCycle;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly activeClients: ActiveClients;
  readonly github: GitHubQuota;
  readonly snapshots: Pick<SnapshotPublisher, "latest" | "publish">;
  /** Called after each published snapshot. */
  readonly onSnapshot?: () => void;
  readonly onPhase?: (phase: Phase, status: PollerStatus) => void;
}

/** Polls GitHub at a fixed interval while at least one client is connected, however many there are. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #logger = log("poller");
  #phase: Phase = { name: "idle" };
  #outcome: Outcome = "succeeded";
  #nextTickAt = 0;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get status(): PollerStatus {
    const { github: { backoff }, snapshots } = this.#options;
    const lastSuccessAt = snapshots.latest?.takenAt ?? null;
    if (this.#phase.name === "idle" || this.#phase.name === "stopped") {
      return { state: "idle", waitingUntil: null, lastSuccessAt };
    }
    const outcome = backoff?.reason ?? this.#outcome;
    const waitingUntil = Math.max(this.#nextTickAt, backoff?.until ?? 0);
    return {
      state: STATES[outcome],
      waitingUntil: outcome === "succeeded" ? null : waitingUntil,
      lastSuccessAt,
    };
  }

  /** Whether a new snapshot is expected at once; not while the poller waits or GitHub fails. */
  get isSnapshotDue(): boolean {
    const isFailing = this.#outcome !== "succeeded" && this.#outcome !== "paced";
    return !isFailing && this.#phase.name !== "waiting";
  }

  /** Polls until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { activeClients, clock } = this.#options;
    while (!signal.aborted) {
      this.#applyBackoff();
      if (activeClients.size === 0) await this.#waitForClients(signal);
      else if (clock.now() < this.#nextTickAt) await this.#wait(signal);
      else await this.#tick(signal);
    }
    this.#setPhase({ name: "stopped" });
  }

  /** Delays the next tick while another request has made GitHub ask for a pause. */
  #applyBackoff(): void {
    const { github: { backoff }, cycle } = this.#options;
    if (!backoff || backoff.until <= this.#nextTickAt) return;
    this.#nextTickAt = backoff.until;
    this.#outcome = backoff.reason;
    cycle.reset();
  }

  async #waitForClients(signal: AbortSignal): Promise<void> {
    const { activeClients, clock, cycle } = this.#options;
    this.#setPhase({ name: "idle" });
    await activeClients.waitForFirst(signal);
    if (clock.now() <= this.#nextTickAt) return;
    this.#nextTickAt = clock.now();
    this.#outcome = "succeeded";
    cycle.reset();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { activeClients, clock, intervalMs } = this.#options;
    this.#setPhase({ name: "waiting", until: this.#nextTickAt });
    const before = clock.now();
    const step = Math.min(this.#nextTickAt - before, intervalMs);
    await clock.sleep(step, AbortSignal.any([signal, activeClients.idleSignal]));
    // A system clock that was set back must not make the wait longer.
    this.#nextTickAt -= Math.max(0, before - clock.now());
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, cycle, intervalMs, github, snapshots, onSnapshot } = this.#options;
    const deadline = this.#nextTickAt + intervalMs;
    try {
      if (cycle.isOver) {
        this.#setPhase({ name: "listing" });
        await cycle.list(deadline, signal);
      }
      this.#setPhase({ name: "fetching", fetch: cycle.fetched + 1 });
      const snapshot = await cycle.fetch(deadline, signal);
      const pacedInterval = rateLimitedInterval(intervalMs, github.rateLimit, {
        cost: cycle.maxRequests,
        now: clock.now(),
      });
      this.#outcome = pacedInterval > intervalMs ? "paced" : "succeeded";
      this.#nextTickAt = nextTick(this.#nextTickAt, pacedInterval, clock.now());
      snapshots.publish(snapshot);
      onSnapshot?.();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof GitHubError || error instanceof StorageError)) throw error;
      this.#nextTickAt = nextTick(this.#nextTickAt, intervalMs, clock.now());
      if (error instanceof GitHubError) this.#onGitHubError(error);
      else this.#logger.error("Poll failed: {reason}", { reason: error.message });
    }
  }

  #onGitHubError({ failure: { kind }, message }: GitHubError): void {
    this.#outcome = OUTCOMES[kind];
    if (kind !== "unavailable") this.#options.cycle.reset();
    this.#applyBackoff();
    if (kind === "unavailable") this.#logger.warning("Poll failed: {reason}", { reason: message });
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase, this.status);
  }
}
