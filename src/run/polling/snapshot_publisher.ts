import type { Clock } from "../../clock.ts";
import type { Snapshot } from "../snapshot.ts";

interface SnapshotPublisherOptions {
  readonly broadcast: {
    publish(snapshot: Snapshot): void;
    /** Publishes to the clients whose frame differs from the previous one. */
    publishIfChanged(snapshot: Snapshot): void;
  };
  /** The poll interval, in ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** Publishes the snapshots of all sources to clients, and holds the latest one. */
export class SnapshotPublisher {
  readonly #options: SnapshotPublisherOptions;
  #latest: Snapshot | undefined;

  constructor(options: SnapshotPublisherOptions) {
    this.#options = options;
  }

  get latest(): Snapshot | undefined {
    return this.#latest;
  }

  publish(snapshot: Snapshot): void {
    this.#latest = snapshot;
    this.#options.broadcast.publish(snapshot);
  }

  publishIfChanged(snapshot: Snapshot): void {
    this.#latest = snapshot;
    this.#options.broadcast.publishIfChanged(snapshot);
  }

  /** The snapshot for a client that connects: the latest one if it is younger than an interval, or if no newer one is due. */
  current({ isNextDue }: { readonly isNextDue: boolean }): Snapshot | undefined {
    const { clock, intervalMs } = this.#options;
    if (!this.#latest || !isNextDue) return this.#latest;
    return clock.now() - this.#latest.takenAt < intervalMs ? this.#latest : undefined;
  }
}
