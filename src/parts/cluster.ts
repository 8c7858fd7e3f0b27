import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { FeedOptions } from "../feed/feed.ts";
import { Presence } from "../cluster/presence.ts";
import type { Redis } from "../redis/connection.ts";
import type { LeaseSources } from "../prometheus/run.ts";
import { RedisLease } from "../redis/lease.ts";
import { RedisEventBus } from "../redis/event_bus.ts";
import { LeaderElection } from "../cluster/leader_election.ts";
import type { Random } from "../random.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Database } from "../sql/database.ts";
import { installationName } from "../sql/cluster/installation.ts";
import { SqlFencingTokens, SqlLease, withFencing } from "../sql/cluster/lease.ts";
import { SqlSharedSnapshotStore } from "../sql/cluster/shared_snapshot.ts";
import { SqlPresenceStore } from "../sql/cluster/presence.ts";
import { runServices, type Service } from "../service.ts";

/** How often each instance looks for what others have kept: so much later the last event may come of which it was not told. */
const POLL_INTERVAL_MS = 2_000;

export interface ClusterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Who listens to this instance, and, while it polls, to others. */
  readonly activeClients: ActiveClients;
  readonly redisUrl: string | undefined;
  /** What is asked of Redis goes by this connection; there where `redisUrl` is. */
  readonly redis: Redis | undefined;
}

/** The part of App by which instances over one database work together. Over SQLite there is but one. */
export class Cluster {
  /** For what the one instance that polls may write alone. */
  readonly database: Database;
  readonly sharedSnapshots: SqlSharedSnapshotStore;
  readonly #options: ClusterOptions;
  readonly #instance = crypto.randomUUID();
  readonly #leaderElection: LeaderElection | undefined;
  readonly #presence: Presence | undefined;

  constructor(options: ClusterOptions) {
    const { database, clock, redis, activeClients } = options;
    this.#options = options;
    const isSingleInstance = database.kind === "sqlite";
    this.database = isSingleInstance
      ? database
      : withFencing(database, () => this.#leaderElection?.term);
    this.sharedSnapshots = new SqlSharedSnapshotStore(this.database);
    if (isSingleInstance) return;
    const instance = this.#instance;
    this.#presence = new Presence({
      store: new SqlPresenceStore(database),
      activeClients,
      instance,
      clock,
    });
    this.#leaderElection = new LeaderElection({
      lease: redis
        ? new RedisLease({ redis, prefix: toKeyPrefix(database) })
        : new SqlLease(database),
      fencingTokens: new SqlFencingTokens(database),
      holder: instance,
      clock,
    });
  }

  /** Whether there may be other instances. */
  get isShared(): boolean {
    return this.#leaderElection !== undefined;
  }

  /** Figures of who polls; `undefined` where there is but one. */
  get lease(): LeaseSources | undefined {
    return this.#leaderElection;
  }

  /** Whether this is the instance that polls. */
  get isLeader(): boolean {
    return this.#leaderElection === undefined || this.#leaderElection.term !== undefined;
  }

  /** What the feed needs to hear of what others keep. */
  get feed(): Pick<FeedOptions, "eventBus" | "pollMs"> {
    const { database, redis, redisUrl: url, ...shared } = this.#options;
    if (!this.isShared) return {};
    if (url === undefined || redis === undefined) return { pollMs: POLL_INTERVAL_MS };
    const prefix = toKeyPrefix(database);
    const channel = async () => `${await prefix()}events`;
    const eventBus = { ...shared, url, publisher: redis, channel, instance: this.#instance };
    return { eventBus: new RedisEventBus(eventBus), pollMs: POLL_INTERVAL_MS };
  }

  /** Says to others whether anybody listens here. */
  get services(): readonly Service[] {
    return this.#presence ? [this.#presence] : [];
  }

  /** Ends what the one instance does alone, when another one may do it by now. */
  checkLease(): void {
    this.#leaderElection?.checkExpired();
  }

  /** What one instance at a time does. */
  leaderOnly(services: readonly Service[]): Service {
    const leaderElection = this.#leaderElection;
    const presence = this.#presence;
    if (!leaderElection || !presence) return { run: (signal) => runServices(services, signal) };
    const all = [...services, { run: (signal: AbortSignal) => presence.watch(signal) }];
    return {
      run: (signal) => leaderElection.run((leaderSignal) => runServices(all, leaderSignal), signal),
    };
  }

  /** Tells the others what the last snapshot shows. They show what comes next where this fails. */
  publishState({ repositories }: SnapshotBuilder): void {
    if (this.isShared) this.sharedSnapshots.save(repositories).catch(() => {});
  }
}

/** Of what this database alone has in Redis: others may use that, too. */
function toKeyPrefix(database: Database): () => Promise<string> {
  let cached: string | undefined;
  return async () => cached ??= `runwire:${await installationName(database)}:`;
}
