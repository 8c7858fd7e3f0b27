import manifest from "../deno.json" with { type: "json" };
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { Inbox } from "./delivery/inbox.ts";
import type { RedeliveryOnStart } from "./delivery/redelivery_on_start.ts";
import { toErrorMessage } from "./errors.ts";
import { ActiveClients } from "./feed/active_clients.ts";
import { Broadcast } from "./feed/broadcast.ts";
import type { StatusEvent, StoredEvent } from "./feed/event.ts";
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
import { type AccountServices, createAccountServices } from "./parts/accounts.ts";
import { Cluster } from "./parts/cluster.ts";
import { createApiRoutes } from "./parts/data.ts";
import { createFollowServices, type FollowServices } from "./parts/following.ts";
import { SnapshotPublisher } from "./parts/frames.ts";
import { SnapshotPublisher as SnapshotHolder } from "./run/polling/snapshot_publisher.ts";
import { createReconcilers } from "./parts/healing.ts";
import { createMessageServices, type MessageServices } from "./parts/messages.ts";
import { runServices } from "./service.ts";
import { createRedeliveryOnStart } from "./parts/redelivery.ts";
import { createOriginPolicy, createServer } from "./parts/server.ts";
import { createRateLimiters, type RateLimiters } from "./parts/throttle.ts";
import { WebhookTracing } from "./parts/traces.ts";
import { EventLoopDelay } from "./prometheus/event_loop_delay.ts";
import type { ChangeSet } from "./run/change_set.ts";
import { PollCycle } from "./run/polling/poll_cycle.ts";
import { StatusPublisher } from "./run/event.ts";
import type { Random } from "./random.ts";
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

type Emit = (events: readonly StoredEvent[]) => void;

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
  readonly #activeClients = new ActiveClients();
  readonly #broadcast: Broadcast<View>;
  readonly #snapshotBuilder: SnapshotBuilder;
  readonly #runs: GitHubRuns;
  readonly #eventLog: SqlEventLog;
  readonly #runStore: SqlRunStore;
  readonly #repositoryStore: SqlRepositoryStore;
  readonly #deliveryStore: SqlDeliveryStore;
  readonly #rateLimiters: RateLimiters;
  readonly #cluster: Cluster;
  readonly #snapshotPublisher: SnapshotPublisher;
  readonly #snapshots: SnapshotHolder;
  readonly #eventLoopDelay: EventLoopDelay;
  readonly #webhookTracing: WebhookTracing | undefined;
  /** Where we listen. */
  #url = "";

  constructor(config: Config, options: AppOptions) {
    const { database, clock } = options;
    this.#config = config;
    this.#options = options;
    this.#runStore = new SqlRunStore(database, clock);
    this.#repositoryStore = new SqlRepositoryStore(database, clock);
    this.#deliveryStore = new SqlDeliveryStore(database, clock);
    this.#rateLimiters = createRateLimiters(config, options);
    this.#eventLoopDelay = new EventLoopDelay(clock);
    this.#webhookTracing = options.tracing && new WebhookTracing(options.tracing);
    this.#cluster = new Cluster({
      ...options,
      activeClients: this.#activeClients,
      redisUrl: config.redisUrl,
      redis: this.#rateLimiters.redis,
    });
    // Only the one that polls has something to say of itself, and forgets old events.
    this.#eventLog = new SqlEventLog(this.#cluster.database, clock);
    this.feed = new Feed({ eventLog: this.#eventLog, clock, ...this.#cluster.feed });
    this.#broadcast = new Broadcast({ clock, activeClients: this.#activeClients });
    this.#snapshotBuilder = new SnapshotBuilder({ size: config.poll, store: this.#runStore });
    this.github = new GitHub({
      credential: config.github.credential,
      baseUrl: config.github.apiUrl,
      version: manifest.version,
      clock,
      random: options.random,
      onSend: () => this.#cluster.checkLease(),
    });
    this.#runs = new GitHubRuns(this.github);
    this.#snapshots = new SnapshotHolder({
      clock,
      broadcast: this.#webhookTracing?.broadcast(this.#broadcast) ?? this.#broadcast,
      intervalMs: config.poll.intervalMs,
    });
    this.poller = this.#buildPoller();
    this.#snapshotPublisher = new SnapshotPublisher({
      clock,
      cluster: this.#cluster,
      feed: this.feed,
      activeClients: this.#activeClients,
      snapshots: this.#snapshots,
      snapshotBuilder: this.#snapshotBuilder,
      poller: this.poller,
      intervalMs: config.poll.intervalMs,
    });
  }

  /** Runs until `signal` aborts, then stops within 5 s; when one part fails, the others stop too. */
  async run(signal: AbortSignal): Promise<void> {
    // One listener that never leaves.
    if (this.#config.poll.when === "always") this.#activeClients.add();
    const emitToFeed: Emit = (events) => this.#snapshotPublisher.emit(events);
    const emit = this.#webhookTracing?.emit(emitToFeed) ?? emitToFeed;
    const inbox = this.#buildInbox(emit);
    const messages = createMessageServices({ ...this.#options, feed: this.feed });
    const { rateLimit, loginRateLimit: logins, redis } = this.#rateLimiters;
    const failure = new AbortController();
    const stop = AbortSignal.any([signal, failure.signal]);
    const followServices = this.#createFollowServices(emit, stop);
    const origins = createOriginPolicy(this.#config);
    const accounts = createAccountServices({
      ...this.#options,
      config: this.#config,
      signal: stop,
      origins,
      loginRateLimit: logins,
      ownUrl: () => this.#url,
    });
    const leaderOnly = this.#cluster.leaderOnly([
      followServices.followManager,
      followServices.repositoryPoller,
      followServices.backfillScheduler,
      new Retention({ store: this.#eventLog, clock: this.#options.clock }),
      new StatisticsRecomputer(new SqlRecomputeQueue(this.#options.database), this.#options.clock),
      messages.retention,
      this.poller,
      ...this.#createReconcilers({ emit, followServices }),
      ...(this.#hasWebhook ? [this.#createRedelivery()] : []),
    ]);
    const services = [
      this.#buildServer({ inbox, emit, followServices, messages, rateLimit, origins, accounts }),
      messages.fanout,
      accounts.sessionCleanup,
      this.#eventLoopDelay,
      ...(redis ? [redis] : []),
      this.feed,
      ...this.#cluster.services,
      ...this.#snapshotPublisher.services,
      inbox,
      leaderOnly,
    ];
    await runServices(services, signal, failure);
  }

  get #hasWebhook(): boolean {
    return this.#config.webhookSecrets.length > 0;
  }

  #buildPoller(): Poller {
    const { clock, random } = this.#options;
    const { poll } = this.#config;
    const { database } = this.#cluster;
    const statusPublisher = new StatusPublisher((event) => this.#publish(event));
    return new Poller({
      cycle: new PollCycle({
        size: poll,
        clock,
        random,
        repositories: new GitHubRepositories(this.github),
        runs: this.#runs,
        store: new SqlRunStore(database, clock),
        repositoryStore: new SqlRepositoryStore(database, clock),
        snapshotBuilder: this.#snapshotBuilder,
        onEvents: (events) => this.#snapshotPublisher.emitFromPoll(events),
      }),
      intervalMs: poll.intervalMs,
      clock,
      activeClients: this.#activeClients,
      github: this.github,
      snapshots: this.#snapshots,
      onSnapshot: () => this.#cluster.publishState(this.#snapshotBuilder),
      onPhase: ({ name }, status) => name === "stopped" || statusPublisher.update(status),
    });
  }

  #createFollowServices(emit: Emit, signal: AbortSignal): FollowServices {
    const { poll } = this.#config;
    return createFollowServices({
      ...this.#options,
      config: this.#config,
      fencedDatabase: this.#cluster.database,
      github: this.github,
      signal,
      reservedPoints: (ms) =>
        this.#activeClients.size === 0 ? 0 : ms / poll.intervalMs * (poll.repositories + 1),
      emit,
    });
  }

  #createReconcilers(
    { emit, followServices }: { readonly emit: Emit; readonly followServices: FollowServices },
  ): ReturnType<typeof createReconcilers> {
    return createReconcilers({
      database: this.#cluster.database,
      clock: this.#options.clock,
      github: this.github,
      stuckAfter: this.#config.poll.reconcileAfterMs,
      isNeeded: () =>
        this.#hasWebhook || this.#activeClients.size > 0 ||
        followServices.repositoryPoller.size > 0,
      emit,
    });
  }

  #buildInbox(emit: Emit) {
    const { clock, random } = this.#options;
    const store = this.#deliveryStore;
    return new Inbox({ store, parse: parseChanges, onEvents: emit, clock, random });
  }

  #createRedelivery(): RedeliveryOnStart {
    return createRedeliveryOnStart({
      clock: this.#options.clock,
      github: this.github,
      publicUrl: this.#config.server.publicUrl,
      deliveries: this.#deliveryStore,
      repositories: this.#repositoryStore,
    });
  }

  #buildServer({ followServices, accounts, ...options }: {
    readonly inbox: Inbox<ChangeSet>;
    readonly emit: Emit;
    readonly followServices: FollowServices;
    readonly messages: MessageServices;
    readonly rateLimit: RateLimitOptions | undefined;
    readonly origins: OriginPolicy;
    readonly accounts: AccountServices;
  }): Server {
    const { database, clock, onListen } = this.#options;
    return createServer({
      ...options,
      database,
      clock,
      onListen: (url) => {
        this.#url = url;
        onListen(url);
      },
      config: this.#config,
      feed: this.feed,
      activeClients: this.#activeClients,
      broadcast: this.#broadcast,
      snapshotBuilder: this.#snapshotBuilder,
      current: () => this.#snapshotPublisher.current,
      poller: this.poller,
      github: this.github,
      eventLoopDelay: this.#eventLoopDelay,
      tracing: this.#options.tracing,
      webhookTracing: this.#webhookTracing,
      lease: this.#cluster.lease,
      redis: this.#rateLimiters.redis,
      deliveryStore: this.#deliveryStore,
      authenticator: accounts.authenticator,
      data: createApiRoutes({ database, clock, followManager: followServices.followManager }),
      accounts: accounts.routes,
    });
  }

  #publish(event: StatusEvent): void {
    this.feed.publish(event).catch((error) =>
      log("feed").warning("Cannot keep a status: {reason}", { reason: toErrorMessage(error) })
    );
  }
}
