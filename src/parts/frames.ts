import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import { ExtraFrames } from "../run/extra_frame.ts";
import { Heard } from "../run/heard.ts";
import { Mirror } from "../run/mirror.ts";
import type { Picture } from "../run/picture.ts";
import type { Poller } from "../run/poller.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import type { Cluster } from "./cluster.ts";
import type { Part } from "./part.ts";

export interface FramesOptions {
  readonly cluster: Cluster;
  readonly feed: Feed;
  readonly audience: ActiveClients;
  readonly broadcast: Pick<Broadcast<View>, "publish" | "amend">;
  readonly picture: Picture;
  readonly poller: Pick<Poller, "current" | "amend">;
  /** From beat to beat, in ms. */
  readonly interval: number;
  readonly clock: Clock;
}

/** The part of App that shows clients what does not come by the beats of this instance. */
export class Frames {
  readonly #options: FramesOptions;
  readonly #extra: ExtraFrames;
  readonly #mirror: Mirror;
  /** There where other instances may be. */
  readonly #heard: Heard | undefined;

  constructor(options: FramesOptions) {
    const { cluster, broadcast, picture, poller, feed } = options;
    this.#options = options;
    this.#extra = new ExtraFrames({
      ...options,
      current: () => this.current,
      take: (takenAt) => picture.take(takenAt),
      onSnapshot: (snapshot) => {
        poller.amend(snapshot);
        broadcast.publishIfChanged(snapshot);
      },
    });
    this.#mirror = new Mirror({
      ...options,
      store: cluster.pictures,
      isHolder: () => cluster.isHolder,
      onSnapshot: (snapshot) => {
        poller.amend(snapshot);
        broadcast.publish(snapshot);
      },
    });
    if (!cluster.isShared) return;
    this.#heard = new Heard({
      feed,
      onRepository: (data) => picture.notice(data),
      onStatus: (data) => this.#mirror.notice(data),
      onChange: () => this.#extra.want(),
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
    this.#heard?.leaveOut(events);
    this.#options.feed.emit(events);
  }

  /** Tells of what was kept between the beats. */
  tell(events: readonly StoredEvent[]): void {
    const { picture } = this.#options;
    this.tellOnBeat(events);
    for (const { type, data } of events) if (type === "repository") picture.notice(data);
    if (events.length > 0) this.#extra.want();
  }
}
