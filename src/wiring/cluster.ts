import type { Clock } from "../clock.ts";
import { LeaderElection, type Leadership, SoleLeader } from "../cluster/leader_election.ts";
import { Presence } from "../cluster/presence.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { EventBus } from "../feed/event_bus.ts";
import type { Random } from "../random.ts";
import type { Redis } from "../redis/connection.ts";
import { RedisEventBus } from "../redis/event_bus.ts";
import { RedisLease } from "../redis/lease.ts";
import type { Service } from "../service.ts";
import { installationName } from "../sql/cluster/installation.ts";
import { SqlFencingTokens, SqlLease, withFencing } from "../sql/cluster/lease.ts";
import { SqlPresenceStore } from "../sql/cluster/presence.ts";
import type { Database } from "../sql/database.ts";

/** The maximum delay of another instance's event that the event bus has lost. */
const POLL_INTERVAL_MS = 2_000;

interface ClusterOptions {
  readonly database: Database;
  /** A connection to `redisUrl`; `undefined` without Redis. */
  readonly redis: Redis | undefined;
  readonly redisUrl: string | undefined;
  readonly activeClients: ActiveClients;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the instances over one database share. */
export interface Cluster {
  /** Whether other instances may use the same database. */
  readonly isShared: boolean;
  readonly election: Leadership;
  /** The database for the leader's writes: they fail once another instance is the leader. */
  readonly leaderDatabase: Database;
  readonly eventBus: EventBus | undefined;
  /** How often to read the events of other instances from the database, in ms. */
  readonly eventPollMs: number | undefined;
  /** Run on every instance. */
  readonly services: readonly Service[];
  /** Run on the leader. */
  readonly leaderServices: readonly Service[];
}

/** SQLite has one instance; over PostgreSQL there may be several. */
export function createCluster(options: ClusterOptions): Cluster {
  const { database, redis, redisUrl, activeClients, clock, random } = options;
  if (database.kind === "sqlite") {
    return {
      isShared: false,
      election: new SoleLeader(),
      leaderDatabase: database,
      eventBus: undefined,
      eventPollMs: undefined,
      services: [],
      leaderServices: [],
    };
  }
  const instance = crypto.randomUUID();
  const prefix = cachedKeyPrefix(database);
  const election = new LeaderElection({
    lease: redis ? new RedisLease({ redis, prefix }) : new SqlLease(database),
    fencingTokens: new SqlFencingTokens(database),
    holder: instance,
    clock,
  });
  const presence = new Presence({
    store: new SqlPresenceStore(database),
    activeClients,
    instance,
    clock,
  });
  return {
    isShared: true,
    election,
    leaderDatabase: withFencing(database, () => election.term),
    eventBus: redis && redisUrl !== undefined
      ? new RedisEventBus({
        url: redisUrl,
        publisher: redis,
        channel: async () => `${await prefix()}events`,
        instance,
        clock,
        random,
      })
      : undefined,
    eventPollMs: POLL_INTERVAL_MS,
    services: [presence],
    leaderServices: [{ run: (signal) => presence.watch(signal) }],
  };
}

/** The prefix of this database's keys: other databases may use the same Redis. */
function cachedKeyPrefix(database: Database): () => Promise<string> {
  let cached: string | undefined;
  return async () => cached ??= `runwire:${await installationName(database)}:`;
}
