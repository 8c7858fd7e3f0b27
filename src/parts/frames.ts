import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import { ThrottledSnapshots } from "../run/polling/snapshot_throttle.ts";
import { RemoteEvents } from "../cluster/remote_events.ts";
import { SnapshotReplica } from "../run/polling/snapshot_replica.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { SnapshotPublisher as Snapshots } from "../run/polling/snapshot_publisher.ts";
import type { Snapshot } from "../run/snapshot.ts";
import type { Cluster } from "./cluster.ts";
import type { Service } from "../service.ts";

export interface SnapshotPublisherOptions {
  readonly cluster: Cluster;
  readonly feed: Feed;
  readonly activeClients: ActiveClients;
  readonly snapshotBuilder: SnapshotBuilder;
  readonly snapshots: Snapshots;
  readonly poller: Pick<Poller, "isSnapshotDue">;
  /** From beat to beat, in ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** The part of App that shows clients what does not come by the beats of this instance. */
export class SnapshotPublisher {
  readonly #options: SnapshotPublisherOptions;
  readonly #throttledSnapshots: ThrottledSnapshots;
  readonly #replica: SnapshotReplica;
  /** There where other instances may be. */
  readonly #remoteEvents: RemoteEvents | undefined;

  constructor(options: SnapshotPublisherOptions) {
    const { cluster, snapshots, snapshotBuilder, feed } = options;
    this.#options = options;
    this.#throttledSnapshots = new ThrottledSnapshots({
      ...options,
      current: () => this.current,
      build: (takenAt) => snapshotBuilder.build(takenAt),
      onSnapshot: (snapshot) => snapshots.publishIfChanged(snapshot),
    });
    this.#replica = new SnapshotReplica({
      ...options,
      store: cluster.sharedSnapshots,
      interval: options.intervalMs,
      isLeader: () => cluster.isLeader,
      onSnapshot: (snapshot) => snapshots.publish(snapshot),
    });
    if (!cluster.isShared) return;
    this.#remoteEvents = new RemoteEvents({
      feed,
      onRepository: (data) => snapshotBuilder.applyRepositoryEvent(data),
      onStatus: (data) => this.#replica.onStatus(data),
      onChange: () => this.#throttledSnapshots.schedule(),
    });
  }

  /** The snapshot to greet a new client with. */
  get current(): Snapshot | undefined {
    const { snapshots, poller } = this.#options;
    return snapshots.current({ isNextDue: poller.isSnapshotDue && !this.#replica.isBehind });
  }

  /** To be run. */
  get services(): readonly Service[] {
    return [
      this.#throttledSnapshots,
      ...(this.#remoteEvents ? [this.#remoteEvents, this.#replica] : []),
    ];
  }

  /** Tells of what was kept on a beat, which ends with a snapshot. */
  emitFromPoll(events: readonly StoredEvent[]): void {
    this.#remoteEvents?.ignoreLocal(events);
    this.#options.feed.emit(events);
  }

  /** Tells of what was kept between the beats. */
  emit(events: readonly StoredEvent[]): void {
    const { snapshotBuilder } = this.#options;
    this.emitFromPoll(events);
    for (const { type, data } of events) {
      if (type === "repository") snapshotBuilder.applyRepositoryEvent(data);
    }
    if (events.length > 0) this.#throttledSnapshots.schedule();
  }
}
