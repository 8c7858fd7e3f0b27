import type { Clock } from "../../clock.ts";
import { StorageError } from "../../errors.ts";
import type { ActiveClients } from "../../feed/active_clients.ts";
import type { StatusEvent } from "../../feed/event.ts";
import type { Repository } from "../../repository/repository.ts";
import type { Snapshot } from "../snapshot.ts";
import type { SnapshotBuilder } from "../snapshot_builder.ts";

/** The maximum delay of a snapshot behind the leader. */
const POLL_INTERVAL_MS = 1_000;

/** The contents of the leader's latest snapshot. */
export interface SharedSnapshot {
  readonly repositories: readonly Repository[];
  /** The time since it was polled, in ms. */
  readonly ageMs: number;
  /** Differs for each snapshot. */
  readonly version: number;
}

/** Shares the latest snapshot among instances. Both methods throw StorageError. */
export interface SharedSnapshotStore {
  save(repositories: readonly Repository[]): Promise<void>;
  /** `undefined` before the first snapshot. */
  load(): Promise<SharedSnapshot | undefined>;
}

interface SnapshotReplicaOptions {
  readonly store: SharedSnapshotStore;
  readonly snapshotBuilder: SnapshotBuilder;
  readonly activeClients: ActiveClients;
  /** The poll interval, in ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly isLeader: () => boolean;
  readonly onSnapshot: (snapshot: Snapshot) => void;
}

/** Publishes the leader's snapshots on the other instances, from the stored runs. */
export class SnapshotReplica {
  readonly #options: SnapshotReplicaOptions;
  #version: number | undefined;
  #isGitHubFailing = false;
  #isStorageDown = false;
  /** Whether a due snapshot has not arrived. */
  #isLate = false;
  /** When it started to poll, in ms since the epoch; `undefined` while it does not. */
  #pollingSince: number | undefined;

  constructor(options: SnapshotReplicaOptions) {
    this.#options = options;
  }

  /** Whether no newer snapshot can be expected soon. Always `false` on the leader, which polls. */
  get isBehind(): boolean {
    const isStale = this.#isGitHubFailing || this.#isStorageDown || this.#isLate;
    return isStale && !this.#options.isLeader();
  }

  /** Call this with the leader's status. */
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

  /** A snapshot older than this, in ms, means that the next one is late. */
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
      // The leader publishes the next snapshot as soon as it knows of the clients, unless GitHub fails.
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
