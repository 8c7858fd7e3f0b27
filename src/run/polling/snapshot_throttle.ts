import type { Clock } from "../../clock.ts";
import { StorageError } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import type { Snapshot } from "../snapshot.ts";

/** The minimum time between two snapshots that are published between polls. */
const MIN_INTERVAL_MS = 1_000;

interface SnapshotThrottleOptions {
  readonly clock: Clock;
  readonly activeClients: ActiveClients;
  /** The snapshot that clients have; `undefined` while they wait for a newer one. */
  readonly current: () => Snapshot | undefined;
  readonly build: (takenAt: number) => Promise<Snapshot>;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Publishes a snapshot between polls when its runs change: at once, but at most once per second. */
export class SnapshotThrottle {
  readonly #options: SnapshotThrottleOptions;
  #scheduled = Promise.withResolvers<void>();

  constructor(options: SnapshotThrottleOptions) {
    this.#options = options;
  }

  /** Call this when anything that a snapshot may show has changed. */
  schedule(): void {
    this.#scheduled.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.schedule(), { once: true });
    while (!signal.aborted) {
      await this.#scheduled.promise;
      if (signal.aborted) return;
      this.#scheduled = Promise.withResolvers();
      if (await this.#send()) await this.#options.clock.sleep(MIN_INTERVAL_MS, signal);
    }
  }

  /** Returns whether to wait before the next snapshot. */
  async #send(): Promise<boolean> {
    const { activeClients, current, build, onSnapshot } = this.#options;
    const before = current();
    if (!before || activeClients.size === 0) return false;
    const snapshot = await build(before.takenAt).catch((error) => this.#onBuildError(error));
    if (!snapshot) return true;
    if (snapshot.encode("full", "all") === before.encode("full", "all")) return false;
    onSnapshot(snapshot);
    return true;
  }

  /** Retries after the wait. */
  #onBuildError(error: unknown): undefined {
    if (!(error instanceof StorageError)) throw error;
    this.schedule();
  }
}
