import type { Clock } from "../clock.ts";
import { RemoteEvents } from "../cluster/remote_events.ts";
import type { Config } from "../config.ts";
import { toErrorMessage } from "../errors.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";
import { log } from "../log.ts";
import type { Random } from "../random.ts";
import type { RepositorySource } from "../repository/repository.ts";
import { StatusPublisher } from "../run/event.ts";
import type { GitHubQuota } from "../run/github_rate_limit.ts";
import { PollCycle } from "../run/polling/poll_cycle.ts";
import { Poller } from "../run/polling/poller.ts";
import { SnapshotPublisher } from "../run/polling/snapshot_publisher.ts";
import { SnapshotReplica } from "../run/polling/snapshot_replica.ts";
import { SnapshotThrottle } from "../run/polling/snapshot_throttle.ts";
import type { RunSource } from "../run/run.ts";
import type { Snapshot, View } from "../run/snapshot.ts";
import { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Service } from "../service.ts";
import type { WebhookTracing } from "../tracing/webhook_tracing.ts";
import type { Visibility } from "../visibility.ts";
import type { Cluster } from "./cluster.ts";
import type { Stores } from "./stores.ts";

interface SnapshotsOptions {
  readonly poll: Config["poll"];
  readonly cluster: Cluster;
  readonly stores: Stores;
  readonly leaderStores: Stores;
  readonly github: GitHubQuota;
  readonly repositories: RepositorySource;
  readonly runs: RunSource;
  readonly feed: Feed;
  readonly broadcast: Broadcast<View>;
  readonly activeClients: ActiveClients;
  readonly webhookTracing: WebhookTracing;
  readonly clock: Clock;
  readonly random: Random;
}

interface Snapshots {
  /** The snapshot for a client that connects, if there is one to show before the next poll. */
  readonly currentSnapshot: () => Snapshot | undefined;
  /** Builds a snapshot of the stored runs. */
  readonly encodeSnapshot: (view: View, visibility: Visibility) => Promise<string>;
  /** Publishes stored events, and then a snapshot that shows them. */
  readonly emit: (events: readonly StoredEvent[]) => void;
  readonly poller: Poller;
  /** Run on every instance. The poller runs on the leader. */
  readonly services: readonly Service[];
}

/** Snapshots are polled by the leader, copied by the other instances, and updated by events between polls. */
export function createSnapshots(options: SnapshotsOptions): Snapshots {
  const { poll, cluster, stores, leaderStores, feed, activeClients, clock, random } = options;
  const { election } = cluster;
  const builder = new SnapshotBuilder({ size: poll, store: stores.runs });
  const publisher = new SnapshotPublisher({
    broadcast: options.webhookTracing.wrapBroadcast(options.broadcast),
    intervalMs: poll.intervalMs,
    clock,
  });
  const replica = new SnapshotReplica({
    store: leaderStores.sharedSnapshots,
    snapshotBuilder: builder,
    activeClients,
    intervalMs: poll.intervalMs,
    isLeader: () => election.isLeader,
    onSnapshot: (snapshot) => publisher.publish(snapshot),
    clock,
  });
  const currentSnapshot = () =>
    publisher.current({ isNextDue: poller.isSnapshotDue && !replica.isBehind });
  const throttle = new SnapshotThrottle({
    activeClients,
    current: currentSnapshot,
    build: (takenAt) => builder.build(takenAt),
    onSnapshot: (snapshot) => publisher.publishIfChanged(snapshot),
    clock,
  });
  const remoteEvents = cluster.isShared
    ? new RemoteEvents({
      feed,
      onRepository: (data) => builder.applyRepositoryEvent(data),
      onStatus: (data) => replica.onStatus(data),
      onChange: () => throttle.schedule(),
    })
    : undefined;

  const emitPolled = (events: readonly StoredEvent[]) => {
    remoteEvents?.ignoreLocal(events);
    feed.emit(events);
  };
  const emit = options.webhookTracing.wrapEmit((events) => {
    emitPolled(events);
    for (const { type, data } of events) {
      if (type === "repository") builder.applyRepositoryEvent(data);
    }
    if (events.length > 0) throttle.schedule();
  });

  const statusPublisher = new StatusPublisher((event) => {
    feed.publish(event).catch((error) => {
      log("feed").warning("Cannot store a status: {reason}", { reason: toErrorMessage(error) });
    });
  });
  const poller = new Poller({
    cycle: new PollCycle({
      size: poll,
      repositories: options.repositories,
      runs: options.runs,
      store: leaderStores.runs,
      repositoryStore: leaderStores.repositories,
      snapshotBuilder: builder,
      onEvents: emitPolled,
      clock,
      random,
    }),
    intervalMs: poll.intervalMs,
    activeClients,
    github: options.github,
    snapshots: publisher,
    onSnapshot: () => {
      // If this fails, the other instances show the next snapshot.
      if (cluster.isShared) leaderStores.sharedSnapshots.save(builder.repositories).catch(() => {});
    },
    onPhase: ({ name }, status) => {
      if (name !== "stopped") statusPublisher.update(status);
    },
    clock,
  });

  return {
    currentSnapshot,
    encodeSnapshot: async (view, visibility) =>
      (await builder.build(clock.now())).encode(view, visibility),
    emit,
    poller,
    services: remoteEvents ? [throttle, remoteEvents, replica] : [throttle],
  };
}
