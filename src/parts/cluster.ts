import type { Clock } from "../clock.ts";
import type { ActiveClients } from "../feed/active_clients.ts";
import type { FeedOptions } from "../feed/feed.ts";
import { Presence } from "../cluster/presence.ts";
import type { Redis } from "../redis/connection.ts";
import type { LeaseSources } from "../prometheus/run.ts";
import { RedisLease } from "../redis/lease.ts";
import { RedisEventBus } from "../redis/event_bus.ts";
import { LeaderElection } from "../cluster/leader_election.ts";
import type { Random } from "../run/github_rate_limit.ts";
import type { SnapshotBuilder } from "../run/snapshot_builder.ts";
import type { Database } from "../sql/database.ts";
import { installationName } from "../sql/cluster/installation.ts";
import { withFencing, SqlFencingTokens, SqlLease } from "../sql/cluster/lease.ts";
import { SqlSharedSnapshotStore } from "../sql/cluster/shared_snapshot.ts";
import { SqlPresenceStore } from "../sql/cluster/presence.ts";
import { type Part, runAll } from "./part.ts";

/** How often each instance looks for what others have kept: so much later the last event may come of which it was not told. */
const LOOK_MS = 2_000;

export interface ClusterOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Who listens to this instance, and, while it polls, to others. */
  readonly audience: ActiveClients;
  readonly redisUrl: string | undefined;
  /** What is asked of Redis goes by this connection; there where `redisUrl` is. */
  readonly redis: Redis | undefined;
}

/** The part of App by which instances over one database work together. Over SQLite there is but one. */
export class Cluster {
  /** For what the one instance that polls may write alone. */
  readonly database: Database;
  readonly pictures: SqlSharedSnapshotStore;
  readonly #options: ClusterOptions;
  readonly #instance = crypto.randomUUID();
  readonly #leadership: LeaderElection | undefined;
  readonly #presence: Presence | undefined;

  constructor(options: ClusterOptions) {
    const { database, clock, redis, audience } = options;
    this.#options = options;
    const isAlone = database.kind === "sqlite";
    this.database = isAlone ? database : withFencing(database, () => this.#leadership?.term);
    this.pictures = new SqlSharedSnapshotStore(this.database);
    if (isAlone) return;
    const instance = this.#instance;
    this.#presence = new Presence({
      store: new SqlPresenceStore(database),
      activeClients: audience,
      instance,
      clock,
    });
    this.#leadership = new LeaderElection({
      lease: redis
        ? new RedisLease({ redis, prefix: keyPrefix(database) })
        : new SqlLease(database),
      fencingTokens: new SqlFencingTokens(database),
      holder: instance,
      clock,
    });
  }

  /** Whether there may be other instances. */
  get isShared(): boolean {
    return this.#leadership !== undefined;
  }

  /** Figures of who polls; `undefined` where there is but one. */
  get lease(): LeaseSources | undefined {
    return this.#leadership;
  }

  /** Whether this is the instance that polls. */
  get isHolder(): boolean {
    return this.#leadership === undefined || this.#leadership.term !== undefined;
  }

  /** What the feed needs to hear of what others keep. */
  get feed(): Pick<FeedOptions, "eventBus" | "pollMs"> {
    const { database, redis, redisUrl: url, ...shared } = this.#options;
    if (!this.isShared) return {};
    if (url === undefined || redis === undefined) return { pollMs: LOOK_MS };
    const prefix = keyPrefix(database);
    const channel = async () => `${await prefix()}events`;
    const wire = { ...shared, url, publisher: redis, channel, instance: this.#instance };
    return { eventBus: new RedisEventBus(wire), pollMs: LOOK_MS };
  }

  /** Says to others whether anybody listens here. */
  get parts(): readonly Part[] {
    return this.#presence ? [this.#presence] : [];
  }

  /** Ends what the one instance does alone, when another one may do it by now. */
  look(): void {
    this.#leadership?.checkExpired();
  }

  /** What one instance at a time does. */
  alone(parts: readonly Part[]): Part {
    const leadership = this.#leadership;
    const presence = this.#presence;
    if (!leadership || !presence) return { run: (signal) => runAll(parts, signal) };
    const all = [...parts, { run: (signal: AbortSignal) => presence.watch(signal) }];
    return { run: (signal) => leadership.run((held) => runAll(all, held), signal) };
  }

  /** Tells the others what the last snapshot shows. They show what comes next where this fails. */
  show({ repositories }: SnapshotBuilder): void {
    if (this.isShared) this.pictures.save(repositories).catch(() => {});
  }
}

/** Of what this database alone has in Redis: others may use that, too. */
function keyPrefix(database: Database): () => Promise<string> {
  let known: string | undefined;
  return async () => known ??= `runwire:${await installationName(database)}:`;
}
