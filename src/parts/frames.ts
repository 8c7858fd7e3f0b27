import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import { ThrottledSnapshots } from "../run/polling/snapshot_throttle.ts";
import { RemoteEvents } from "../cluster/remote_events.ts";
import { SnapshotReplica } from "../run/polling/snapshot_replica.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Poller } from "../run/polling/poller.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Cluster } from "./cluster.ts";
import type { Part } from "./part.ts";

export interface FramesOptions {
  readonly cluster: Cluster;
  readonly feed: Feed;
  readonly audience: ActiveClients;
  readonly broadcast: Pick<Broadcast<View>, "publish" | "publishIfChanged">;
  readonly picture: SnapshotBuilder;
  readonly poller: Pick<Poller, "current" | "setCurrent">;
  /** From beat to beat, in ms. */
  readonly interval: number;
  readonly clock: Clock;
}

/** The part of App that shows clients what does not come by the beats of this instance. */
export class Frames {
  readonly #options: FramesOptions;
  readonly #extra: ThrottledSnapshots;
  readonly #mirror: SnapshotReplica;
  /** There where other instances may be. */
  readonly #heard: RemoteEvents | undefined;

  constructor(options: FramesOptions) {
    const { cluster, broadcast, picture, poller, feed } = options;
    this.#options = options;
    this.#extra = new ThrottledSnapshots({
      ...options,
      current: () => this.current,
      build: (takenAt) => picture.build(takenAt),
      onSnapshot: (snapshot) => {
        poller.setCurrent(snapshot);
        broadcast.publishIfChanged(snapshot);
      },
    });
    this.#mirror = new SnapshotReplica({
      ...options,
      store: cluster.pictures,
      isLeader: () => cluster.isHolder,
      onSnapshot: (snapshot) => {
        poller.setCurrent(snapshot);
        broadcast.publish(snapshot);
      },
    });
    if (!cluster.isShared) return;
    this.#heard = new RemoteEvents({
      feed,
      onRepository: (data) => picture.applyRepositoryEvent(data),
      onStatus: (data) => this.#mirror.onStatus(data),
      onChange: () => this.#extra.schedule(),
    });
  }

  /** The snapshot to greet a new client with. */
  get current(): Snapshot | undefined {
    return this.#options.poller.current ?? this.#mirror.current;
  }

  /** To be run. */
  get parts(): readonly Part[] {
    return [this.#extra, ...(this.#heard ? [this.#heard, this.#mirror] : [])];
  }

  /** Tells of what was kept on a beat, which ends with a snapshot. */
  tellOnBeat(events: readonly StoredEvent[]): void {
    this.#heard?.ignoreLocal(events);
    this.#options.feed.emit(events);
  }

  /** Tells of what was kept between the beats. */
  tell(events: readonly StoredEvent[]): void {
    const { picture } = this.#options;
    this.tellOnBeat(events);
    for (const { type, data } of events) if (type === "repository") picture.applyRepositoryEvent(data);
    if (events.length > 0) this.#extra.schedule();
  }
}
