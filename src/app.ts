import manifest from "../deno.json" with { type: "json" };
import type { Clock } from "./clock.ts";
import { type Config, isLoopback } from "./config.ts";
import { Inbox } from "./delivery/inbox.ts";
import { Receiver } from "./delivery/receive.ts";
import type { RedeliveryOnStart } from "./delivery/start.ts";
import { messageOf } from "./errors.ts";
import { Audience } from "./feed/audience.ts";
import { Broadcast } from "./feed/broadcast.ts";
import type { NumberedEvent, StatusEvent } from "./feed/event.ts";
import { Feed } from "./feed/feed.ts";
import { Retention } from "./feed/retention.ts";
import { GitHub } from "./github/client.ts";
import { changesIn, changesOf, subjectOf } from "./github/delivery.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import { Capacity } from "./http/capacity.ts";
import { Deliveries } from "./http/delivery.ts";
import { health } from "./http/health.ts";
import { originRule } from "./http/origin.ts";
import { Server } from "./http/server.ts";
import { EventStreams } from "./http/sse.ts";
import type { Throttle } from "./http/throttle.ts";
import { Connections } from "./http/ws.ts";
import { log } from "./log.ts";
import {
  dataRoutes,
  type FollowingParts,
  followingParts,
  healingParts,
  redeliveryOnStart,
  throttleParts,
} from "./parts.ts";
import { Cycle } from "./run/cycle.ts";
import { StatusReport } from "./run/event.ts";
import { ExtraFrames } from "./run/extra_frame.ts";
import type { Random } from "./run/pace.ts";
import { Picture } from "./run/picture.ts";
import { Poller } from "./run/poller.ts";
import { Recounter } from "./run/recount.ts";
import type { View } from "./run/snapshot.ts";
import type { Database } from "./sql/database.ts";
import { SqlDeliveryStore } from "./sql/delivery.ts";
import { SqlJournal } from "./sql/event.ts";
import { SqlRecounts } from "./sql/recount.ts";
import { SqlRepositoryStore } from "./sql/repository.ts";
import { SqlRunStore } from "./sql/run.ts";

type Tell = (events: readonly NumberedEvent[]) => void;

export interface AppOptions {
  /** Open, and migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
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
  readonly #audience = new Audience();
  readonly #broadcast: Broadcast<View>;
  readonly #picture: Picture;
  readonly #runs: GitHubRuns;
  readonly #journal: SqlJournal;
  readonly #runStore: SqlRunStore;
  readonly #repositoryStore: SqlRepositoryStore;
  readonly #deliveryStore: SqlDeliveryStore;

  constructor(config: Config, options: AppOptions) {
    const { database, clock } = options;
    this.#config = config;
    this.#options = options;
    this.#journal = new SqlJournal(database, clock);
    this.#runStore = new SqlRunStore(database, clock);
    this.#repositoryStore = new SqlRepositoryStore(database, clock);
    this.#deliveryStore = new SqlDeliveryStore(database, clock);
    this.feed = new Feed({ journal: this.#journal, clock });
    this.#broadcast = new Broadcast({ clock, audience: this.#audience });
    this.#picture = new Picture({ size: config.poll, store: this.#runStore });
    this.github = new GitHub({
      credential: config.github.credential,
      baseUrl: config.github.apiUrl,
      version: manifest.version,
      clock,
    });
    this.#runs = new GitHubRuns(this.github);
    this.poller = this.#buildPoller();
  }

  /** Runs until `signal` aborts, then stops within 5 s; when one part fails, the others stop too. */
  async run(signal: AbortSignal): Promise<void> {
    // One listener that never leaves.
    if (this.#config.poll.when === "always") this.#audience.enter();
    const extraFrames = this.#buildExtraFrames();
    /** For what comes between the beats. */
    const tell: Tell = (events) => {
      this.feed.tell(events);
      for (const { type, data } of events) if (type === "repository") this.#picture.notice(data);
      if (events.length > 0) extraFrames.want();
    };
    const inbox = this.#buildInbox(tell);
    const followed = this.#followingParts(tell);
    const { throttle, redis } = throttleParts(this.#config, this.#options);
    const parts = [
      followed.following,
      followed.followPoller,
      followed.backfills,
      this.#buildServer({ inbox, tell, followed, throttle }),
      ...(redis ? [redis] : []),
      this.feed,
      new Retention({ journal: this.#journal, clock: this.#options.clock }),
      new Recounter(new SqlRecounts(this.#options.database), this.#options.clock),
      this.poller,
      extraFrames,
      ...this.#healingParts({ tell, followed }),
      inbox,
      ...(this.#hasWebhook ? [this.#redelivery()] : []),
    ];
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const outcomes = await Promise.allSettled(parts.map((part) =>
      part.run(stop).catch((error) => {
        failed.abort();
        throw error;
      })
    ));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  get #hasWebhook(): boolean {
    return this.#config.webhookSecrets.length > 0;
  }

  #buildPoller(): Poller {
    const { clock, random } = this.#options;
    const { poll } = this.#config;
    const report = new StatusReport((event) => this.#publish(event));
    return new Poller({
      cycle: new Cycle({
        size: poll,
        clock,
        random,
        repositories: new GitHubRepositories(this.github),
        runs: this.#runs,
        store: this.#runStore,
        repositoryStore: this.#repositoryStore,
        picture: this.#picture,
        onEvents: (events) => this.feed.tell(events),
      }),
      interval: poll.intervalMs,
      clock,
      random,
      audience: this.#audience,
      budget: () => this.github.budget,
      onSnapshot: (snapshot) => this.#broadcast.publish(snapshot),
      onPhase: () => report.update(this.poller.status),
    });
  }

  #buildExtraFrames(): ExtraFrames {
    return new ExtraFrames({
      clock: this.#options.clock,
      audience: this.#audience,
      current: () => this.poller.current,
      take: (takenAt) => this.#picture.take(takenAt),
      onSnapshot: (snapshot) => {
        this.poller.amend(snapshot);
        this.#broadcast.publish(snapshot);
      },
    });
  }

  #followingParts(tell: Tell): FollowingParts {
    const { poll } = this.#config;
    return followingParts({
      ...this.#options,
      config: this.#config,
      github: this.github,
      poller: this.poller,
      kept: (ms) => this.#audience.size === 0 ? 0 : ms / poll.intervalMs * (poll.repositories + 1),
      tell,
    });
  }

  #healingParts(
    { tell, followed }: { readonly tell: Tell; readonly followed: FollowingParts },
  ): ReturnType<typeof healingParts> {
    const { database, clock } = this.#options;
    return healingParts({
      database,
      clock,
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
    return new Inbox({ store, read: changesOf, onEvents: tell, clock, random });
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

  #buildServer({ inbox, tell, followed, throttle }: {
    readonly inbox: { wake(): void };
    readonly tell: Tell;
    readonly followed: FollowingParts;
    readonly throttle: Throttle | undefined;
  }): Server {
    const { database, clock, onListen } = this.#options;
    const { hostname, port, maxConnections, allowedOrigins, publicUrl } = this.#config.server;
    const capacity = new Capacity(maxConnections);
    const origins = originRule({
      allowed: allowedOrigins,
      publicUrl,
      isLoopback: isLoopback(hostname),
    });
    const streams = {
      feed: this.feed,
      audience: this.#audience,
      snapshot: async (view: View) => (await this.#picture.take(clock.now())).encode(view),
      origins,
      capacity,
      clock,
    };
    const receiver = new Receiver({
      secrets: this.#config.webhookSecrets,
      store: this.#deliveryStore,
      subjectOf,
      read: changesIn,
      onEvents: tell,
      onKept: () => inbox.wake(),
    });
    return new Server({
      hostname,
      port,
      capacity,
      connections: new Connections({
        ...streams,
        broadcast: this.#broadcast,
        current: () => this.poller.current,
      }),
      events: new EventStreams(streams),
      deliveries: new Deliveries({ receiver, clock }),
      data: dataRoutes({ database, clock, following: followed.following }),
      origins,
      throttle,
      publicUrl,
      version: manifest.version,
      health: () =>
        health({
          poller: this.poller,
          budget: () => this.github.budget,
          services: { [database.kind]: () => database.check() },
          clock,
        }),
      clock,
      onListen: (address) => onListen(`http://${urlHost(address.hostname)}:${address.port}`),
    });
  }

  #publish(event: StatusEvent): void {
    this.feed.publish(event).catch((error) =>
      log("feed").warning("Cannot keep a status: {reason}", { reason: messageOf(error) })
    );
  }
}

function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
