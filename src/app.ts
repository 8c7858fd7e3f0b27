import manifest from "../deno.json" with { type: "json" };
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { Inbox } from "./delivery/inbox.ts";
import type { RedeliveryOnStart } from "./delivery/redelivery_on_start.ts";
import { messageOf } from "./errors.ts";
import { ActiveClients } from "./feed/active_clients.ts";
import { Broadcast } from "./feed/broadcast.ts";
import type { StoredEvent, StatusEvent } from "./feed/event.ts";
import { Feed } from "./feed/feed.ts";
import { Retention } from "./feed/retention.ts";
import { GitHub } from "./github/client.ts";
import { parseChanges } from "./github/delivery.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import type { OriginPolicy } from "./http/origin.ts";
import type { Server } from "./http/server.ts";
import type { RateLimitOptions } from "./http/rate_limit.ts";
import { log } from "./log.ts";
import { type AccountParts, accountParts } from "./parts/accounts.ts";
import { Cluster } from "./parts/cluster.ts";
import { dataRoutes } from "./parts/data.ts";
import { type FollowingParts, followingParts } from "./parts/following.ts";
import { Frames } from "./parts/frames.ts";
import { healingParts } from "./parts/healing.ts";
import { type MessageParts, messageParts } from "./parts/messages.ts";
import { runAll } from "./parts/part.ts";
import { redeliveryOnStart } from "./parts/redelivery.ts";
import { originsOf, serverPart } from "./parts/server.ts";
import { type ThrottleParts, throttleParts } from "./parts/throttle.ts";
import { WebhookTraces } from "./parts/traces.ts";
import { EventLoop } from "./prometheus/event_loop.ts";
import type { ChangeSet } from "./run/change_set.ts";
import { PollCycle } from "./run/polling/poll_cycle.ts";
import { StatusPublisher } from "./run/event.ts";
import type { Random } from "./run/github_rate_limit.ts";
import { SnapshotBuilder } from "./run/snapshot_builder.ts";
import { Poller } from "./run/polling/poller.ts";
import { StatisticsRecomputer } from "./run/statistics_recompute.ts";
import type { View } from "./run/snapshot.ts";
import type { Database } from "./sql/database.ts";
import { SqlDeliveryStore } from "./sql/delivery/delivery.ts";
import { SqlEventLog } from "./sql/event_log.ts";
import { SqlRecomputeQueue } from "./sql/statistics/recompute_queue.ts";
import { SqlRepositoryStore } from "./sql/repository.ts";
import { SqlRunStore } from "./sql/run/run.ts";
import type { Tracing } from "./tracing/tracing.ts";

type Tell = (events: readonly StoredEvent[]) => void;

export interface AppOptions {
  /** Open, and migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** `undefined` where nobody traces. */
  readonly tracing?: Tracing | undefined;
  /** Told the address, for example `http://127.0.0.1:8080`, as soon as clients can connect. */
  readonly onListen: (url: string) => void;
}

/** The whole program: which adapter stands behind which port. */
export class App {
  readonly github: GitHub;
  readonly feed: Feed;
  readonly poller: Poller;
  readonly #config: Config;
  readonly #options: AppOptions;
  readonly #audience = new ActiveClients();
  readonly #broadcast: Broadcast<View>;
  readonly #picture: SnapshotBuilder;
  readonly #runs: GitHubRuns;
  readonly #journal: SqlEventLog;
  readonly #runStore: SqlRunStore;
  readonly #repositoryStore: SqlRepositoryStore;
  readonly #deliveryStore: SqlDeliveryStore;
  readonly #throttle: ThrottleParts;
  readonly #cluster: Cluster;
  readonly #frames: Frames;
  readonly #eventLoop: EventLoop;
  readonly #traces: WebhookTraces | undefined;
  /** Where we listen. */
  #url = "";

  constructor(config: Config, options: AppOptions) {
    const { database, clock } = options;
    this.#config = config;
    this.#options = options;
    this.#runStore = new SqlRunStore(database, clock);
    this.#repositoryStore = new SqlRepositoryStore(database, clock);
    this.#deliveryStore = new SqlDeliveryStore(database, clock);
    this.#throttle = throttleParts(config, options);
    this.#eventLoop = new EventLoop(clock);
    this.#traces = options.tracing && new WebhookTraces(options.tracing);
    this.#cluster = new Cluster({
      ...options,
      audience: this.#audience,
      redisUrl: config.redisUrl,
      redis: this.#throttle.redis,
    });
    // Only the one that polls has something to say of itself, and forgets old events.
    this.#journal = new SqlEventLog(this.#cluster.database, clock);
    this.feed = new Feed({ eventLog: this.#journal, clock, ...this.#cluster.feed });
    this.#broadcast = new Broadcast({ clock, activeClients: this.#audience });
    this.#picture = new SnapshotBuilder({ size: config.poll, store: this.#runStore });
    this.github = new GitHub({
      credential: config.github.credential,
      baseUrl: config.github.apiUrl,
      version: manifest.version,
      clock,
      onSend: () => this.#cluster.look(),
    });
    this.#runs = new GitHubRuns(this.github);
    this.poller = this.#buildPoller();
    this.#frames = new Frames({
      clock,
      cluster: this.#cluster,
      feed: this.feed,
      audience: this.#audience,
      broadcast: this.#traces?.broadcast(this.#broadcast) ?? this.#broadcast,
      picture: this.#picture,
      poller: this.poller,
      interval: config.poll.intervalMs,
    });
  }

  /** Runs until `signal` aborts, then stops within 5 s; when one part fails, the others stop too. */
  async run(signal: AbortSignal): Promise<void> {
    // One listener that never leaves.
    if (this.#config.poll.when === "always") this.#audience.add();
    const frames: Tell = (events) => this.#frames.tell(events);
    const tell = this.#traces?.tell(frames) ?? frames;
    const inbox = this.#buildInbox(tell);
    const followed = this.#followingParts(tell);
    const messages = messageParts({ ...this.#options, feed: this.feed });
    const { throttle, logins, redis } = this.#throttle;
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    followed.following.stopOn(stop);
    const origins = originsOf(this.#config);
    const accounts = accountParts({
      ...this.#options,
      config: this.#config,
      signal: stop,
      origins,
      logins,
      ownUrl: () => this.#url,
    });
    const alone = this.#cluster.alone([
      followed.following,
      followed.followPoller,
      followed.backfills,
      new Retention({ store: this.#journal, clock: this.#options.clock }),
      new StatisticsRecomputer(new SqlRecomputeQueue(this.#options.database), this.#options.clock),
      messages.retention,
      this.poller,
      ...this.#healingParts({ tell, followed }),
      ...(this.#hasWebhook ? [this.#redelivery()] : []),
    ]);
    const parts = [
      this.#buildServer({ inbox, tell, followed, messages, throttle, origins, accounts }),
      messages.relay,
      accounts.sweep,
      this.#eventLoop,
      ...(redis ? [redis] : []),
      this.feed,
      ...this.#cluster.parts,
      ...this.#frames.parts,
      inbox,
      alone,
    ];
    await runAll(parts, signal, failed);
  }

  get #hasWebhook(): boolean {
    return this.#config.webhookSecrets.length > 0;
  }

  #buildPoller(): Poller {
    const { clock, random } = this.#options;
    const { poll } = this.#config;
    const { database } = this.#cluster;
    const report = new StatusPublisher((event) => this.#publish(event));
    return new Poller({
      cycle: new PollCycle({
        size: poll,
        clock,
        random,
        repositories: new GitHubRepositories(this.github),
        runs: this.#runs,
        store: new SqlRunStore(database, clock),
        repositoryStore: new SqlRepositoryStore(database, clock),
        snapshotBuilder: this.#picture,
        onEvents: (events) => this.#frames.tellOnBeat(events),
      }),
      interval: poll.intervalMs,
      clock,
      random,
      activeClients: this.#audience,
      rateLimit: () => this.github.rateLimit,
      onSnapshot: (snapshot) => {
        this.#broadcast.publish(snapshot);
        this.#cluster.show(this.#picture);
      },
      onPhase: ({ name }) => name === "stopped" || report.update(this.poller.status),
    });
  }

  #followingParts(tell: Tell): FollowingParts {
    const { poll } = this.#config;
    return followingParts({
      ...this.#options,
      config: this.#config,
      fenced: this.#cluster.database,
      github: this.github,
      poller: this.poller,
      kept: (ms) => this.#audience.size === 0 ? 0 : ms / poll.intervalMs * (poll.repositories + 1),
      tell,
    });
  }

  #healingParts(
    { tell, followed }: { readonly tell: Tell; readonly followed: FollowingParts },
  ): ReturnType<typeof healingParts> {
    return healingParts({
      database: this.#cluster.database,
      clock: this.#options.clock,
      github: this.github,
      runs: this.#runs,
      poller: this.poller,
      stuckAfter: this.#config.poll.reconcileAfterMs,
      isWanted: () => this.#hasWebhook || this.#audience.size > 0 || followed.followPoller.size > 0,
      tell,
    });
  }

  #buildInbox(tell: Tell) {
    const { clock, random } = this.#options;
    const store = this.#deliveryStore;
    return new Inbox({ store, parse: parseChanges, onEvents: tell, clock, random });
  }

  #redelivery(): RedeliveryOnStart {
    return redeliveryOnStart({
      clock: this.#options.clock,
      github: this.github,
      publicUrl: this.#config.server.publicUrl,
      deliveries: this.#deliveryStore,
      repositories: this.#repositoryStore,
    });
  }

  #buildServer({ followed, accounts, ...parts }: {
    readonly inbox: Inbox<ChangeSet>;
    readonly tell: Tell;
    readonly followed: FollowingParts;
    readonly messages: MessageParts;
    readonly throttle: RateLimitOptions | undefined;
    readonly origins: OriginPolicy;
    readonly accounts: AccountParts;
  }): Server {
    const { database, clock, onListen } = this.#options;
    return serverPart({
      ...parts,
      database,
      clock,
      onListen: (url) => {
        this.#url = url;
        onListen(url);
      },
      config: this.#config,
      feed: this.feed,
      audience: this.#audience,
      broadcast: this.#broadcast,
      picture: this.#picture,
      current: () => this.#frames.current,
      poller: this.poller,
      github: this.github,
      eventLoop: this.#eventLoop,
      tracing: this.#options.tracing,
      traces: this.#traces,
      lease: this.#cluster.lease,
      redis: this.#throttle.redis,
      deliveryStore: this.#deliveryStore,
      callers: accounts.callers,
      data: dataRoutes({ database, clock, following: followed.following }),
      accounts: accounts.routes,
    });
  }

  #publish(event: StatusEvent): void {
    this.feed.publish(event).catch((error) =>
      log("feed").warning("Cannot keep a status: {reason}", { reason: messageOf(error) })
    );
  }
}
