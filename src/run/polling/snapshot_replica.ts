import type { Clock } from "../../clock.ts";
import { StorageError } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import type { StatusEvent } from "../../feed/event.ts";
import type { Repository } from "../../repository/repository.ts";
import type { SnapshotBuilder } from "../snapshot_builder.ts";
import type { Snapshot } from "../snapshot.ts";

/** How often it is looked for the next snapshot: so much later it comes than where it was made. */
const POLL_INTERVAL_MS = 1_000;

/** What the last snapshot showed. */
export interface SharedSnapshot {
  readonly repositories: readonly Repository[];
  /** How long ago GitHub was asked for it, in ms. */
  readonly ageMs: number;
  /** Another one for each snapshot. */
  readonly version: number;
}

/** Where the instance that polls says what its snapshots show. Both throw StorageError. */
export interface SharedSnapshotStore {
  save(repositories: readonly Repository[]): Promise<void>;
  /** `undefined` before the first snapshot. */
  load(): Promise<SharedSnapshot | undefined>;
}

export interface SnapshotReplicaOptions {
  readonly store: SharedSnapshotStore;
  readonly snapshotBuilder: SnapshotBuilder;
  readonly activeClients: ActiveClients;
  /** From beat to beat, in ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Whether this instance polls itself. */
  readonly isLeader: () => boolean;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Gives the clients of an instance that does not poll the same snapshots, from what is kept. */
export class SnapshotReplica {
  readonly #options: SnapshotReplicaOptions;
  #version: number | undefined;
  #isGitHubFailing = false;
  #isStorageDown = false;
  /** Whether the snapshot has not come that was due. */
  #isLate = false;
  /** Since when it is looked for snapshots, in ms since the epoch; `undefined` while it is not. */
  #pollingSince: number | undefined;

  constructor(options: SnapshotReplicaOptions) {
    this.#options = options;
  }

  /** Whether no newer snapshot can be expected soon. Always `false` on the leader, which polls. */
  get isBehind(): boolean {
    const isStale = this.#isGitHubFailing || this.#isStorageDown || this.#isLate;
    return isStale && !this.#options.isLeader();
  }

  /** How things stand between the instance that polls and GitHub. */
  onStatus({ state }: StatusEvent["data"]): void {
    this.#isGitHubFailing = state !== "polling" && state !== "idle";
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, activeClients, isLeader } = this.#options;
    while (!signal.aborted) {
      if (isLeader()) this.#version = undefined;
      const isNeeded = !isLeader() && activeClients.size > 0;
      this.#pollingSince = isNeeded ? this.#pollingSince ?? clock.now() : undefined;
      if (isNeeded) await this.#poll();
      await clock.sleep(POLL_INTERVAL_MS, signal);
    }
  }

  /** How old a snapshot may be, in ms, while others come. */
  get #maxAgeMs(): number {
    return this.#options.intervalMs + 2 * POLL_INTERVAL_MS;
  }

  get #pollingForMs(): number {
    const now = this.#options.clock.now();
    return now - (this.#pollingSince ?? now);
  }

  async #poll(): Promise<void> {
    const { store, snapshotBuilder, clock, isLeader, onSnapshot } = this.#options;
    try {
      const shared = await store.load();
      this.#isStorageDown = false;
      if (!shared) return;
      const isOld = shared.ageMs >= this.#maxAgeMs;
      this.#isLate = isOld && this.#pollingForMs >= this.#maxAgeMs;
      if (shared.version === this.#version) return;
      // The next one comes as soon as it is known that somebody listens, if one can be had.
      if (isOld && !this.#isLate && !this.#isGitHubFailing) return;
      snapshotBuilder.setRepositories(shared.repositories);
      const snapshot = await snapshotBuilder.build(clock.now() - shared.ageMs);
      if (isLeader()) return;
      this.#version = shared.version;
      onSnapshot(snapshot);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#isStorageDown = true;
    }
  }
}
