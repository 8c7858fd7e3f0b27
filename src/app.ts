import manifest from "../deno.json" with { type: "json" };
import type { Clock } from "./clock.ts";
import { type Config, isLoopback } from "./config.ts";
import { Inbox } from "./delivery/inbox.ts";
import { Receiver } from "./delivery/receive.ts";
import { RedeliveryOnStart } from "./delivery/start.ts";
import { Sweep } from "./delivery/sweep.ts";
import { messageOf } from "./errors.ts";
import { Audience } from "./feed/audience.ts";
import { Broadcast } from "./feed/broadcast.ts";
import type { NumberedEvent, StatusEvent } from "./feed/event.ts";
import { Feed } from "./feed/feed.ts";
import { Retention } from "./feed/retention.ts";
import { GitHub } from "./github/client.ts";
import { changesOf, subjectOf } from "./github/delivery.ts";
import { GitHubHooks } from "./github/hook.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import { Capacity } from "./http/capacity.ts";
import { Deliveries } from "./http/delivery.ts";
import { health } from "./http/health.ts";
import { originRule } from "./http/origin.ts";
import { Server } from "./http/server.ts";
import { EventStreams } from "./http/sse.ts";
import { Connections } from "./http/ws.ts";
import { log } from "./log.ts";
import { Cycle } from "./run/cycle.ts";
import { StatusReport } from "./run/event.ts";
import { ExtraFrames } from "./run/extra_frame.ts";
import { isLow, type Random } from "./run/pace.ts";
import { Picture } from "./run/picture.ts";
import { Poller } from "./run/poller.ts";
import { Reconciler } from "./run/reconcile.ts";
import type { Snapshot, View } from "./run/snapshot.ts";
import type { Database } from "./sql/database.ts";
import { SqlDeliveryStore } from "./sql/delivery.ts";
import { SqlJournal } from "./sql/event.ts";
import { SqlRepositoryStore } from "./sql/repository.ts";
import { SqlRunStore } from "./sql/run.ts";

export interface AppOptions {
  /** Open, and migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Told the address, for example `http://127.0.0.1:8080`, as soon as clients can connect. */
  readonly onListen: (url: string) => void;
}

/** Something that lives until it is told to stop. */
interface Part {
  run(signal: AbortSignal): Promise<void>;
}

/** The whole program: which adapter stands behind which port. */
export class App {
  readonly github: GitHub;
  readonly feed: Feed;
  readonly poller: Poller;
  readonly connections: Connections;
  readonly #parts: readonly Part[];

  constructor(config: Config, { database, clock, random, onListen }: AppOptions) {
    const { server, poll } = config;
    const audience = new Audience();
    // One that never leaves.
    if (poll.when === "always") audience.enter();

    const runStore = new SqlRunStore(database, clock);
    const repositoryStore = new SqlRepositoryStore(database, clock);
    const deliveryStore = new SqlDeliveryStore(database, clock);
    const journal = new SqlJournal(database, clock);
    this.feed = new Feed({ journal, clock });

    this.github = new GitHub({
      credential: config.github.credential,
      baseUrl: config.github.apiUrl,
      version: manifest.version,
      clock,
    });
    const runs = new GitHubRuns(this.github);
    const budget = () => this.github.budget;

    const picture = new Picture({ size: poll, store: runStore });
    const broadcast = new Broadcast<View>({ clock, audience });
    const report = new StatusReport((event) => this.#publish(event));
    this.poller = new Poller({
      cycle: new Cycle({
        size: poll,
        clock,
        random,
        repositories: new GitHubRepositories(this.github),
        runs,
        store: runStore,
        repositoryStore,
        picture,
        onEvents: (events) => this.feed.tell(events),
      }),
      interval: poll.intervalMs,
      clock,
      random,
      audience,
      budget,
      onSnapshot: (snapshot) => broadcast.publish(snapshot),
      onPhase: () => report.update(this.poller.status),
    });
    const extraFrames = new ExtraFrames({
      clock,
      audience,
      current: () => this.poller.current,
      take: (takenAt) => picture.take(takenAt),
      onSnapshot: (snapshot) => {
        this.poller.amend(snapshot);
        broadcast.publish(snapshot);
      },
    });
    /** For what comes between the beats. */
    const tell = (events: readonly NumberedEvent[]) => {
      this.feed.tell(events);
      for (const event of events) if (event.type === "repository") picture.notice(event.data);
      if (events.length > 0) extraFrames.want();
    };
    const hasWebhook = config.webhookSecrets.length > 0;
    const reconciler = new Reconciler({
      clock,
      stuckAfter: poll.reconcileAfterMs,
      runs,
      store: runStore,
      repositories: repositoryStore,
      mayAsk: () => {
        const left = budget();
        const isWanted = hasWebhook || audience.size > 0;
        return isWanted && !this.poller.isHeldBack && !(left && isLow(left, clock.now()));
      },
      onEvents: tell,
      onRefused: (error) => this.poller.hold(error),
    });

    const inbox = new Inbox({
      store: deliveryStore,
      read: changesOf,
      onEvents: tell,
      clock,
      random,
    });
    const receiver = new Receiver({
      secrets: config.webhookSecrets,
      store: deliveryStore,
      subjectOf,
      onKept: () => inbox.wake(),
    });
    const redelivery = new RedeliveryOnStart({
      clock,
      deliveries: deliveryStore,
      repositories: repositoryStore,
      sweep: (repositories) =>
        new Sweep({
          attempts: new GitHubHooks({
            github: this.github,
            repositories: () => repositories,
            ...(server.publicUrl === undefined ? {} : { publicUrl: server.publicUrl }),
          }),
          clock,
        }),
    });

    const origins = originRule({
      allowed: server.allowedOrigins,
      publicUrl: server.publicUrl,
      isLoopback: isLoopback(server.hostname),
    });
    const capacity = new Capacity(server.maxConnections);
    const current = () => this.poller.current;
    const freshSnapshot = (view: View) => picture.take(clock.now()).then((s) => s.encode(view));
    this.connections = new Connections({
      broadcast,
      current,
      feed: this.feed,
      audience,
      snapshot: freshSnapshot,
      origins,
      capacity,
      clock,
    });
    const http = new Server({
      hostname: server.hostname,
      port: server.port,
      connections: this.connections,
      events: new EventStreams({
        feed: this.feed,
        audience,
        snapshot: freshSnapshot,
        origins,
        capacity,
        clock,
      }),
      deliveries: new Deliveries({ receiver, clock }),
      capacity,
      health: () =>
        health({
          poller: this.poller,
          budget,
          services: { [database.kind]: () => database.check() },
          clock,
        }),
      clock,
      onListen: ({ hostname, port }) => onListen(`http://${urlHost(hostname)}:${port}`),
    });

    this.#parts = [
      http,
      this.feed,
      new Retention({ journal, clock }),
      this.poller,
      extraFrames,
      reconciler,
      inbox,
      ...(hasWebhook ? [redelivery] : []),
    ];
  }

  /** Runs until `signal` aborts, then stops within 5 s; when one part fails, the others stop too. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const outcomes = await Promise.allSettled(
      this.#parts.map((part) =>
        part.run(stop).catch((error) => {
          failed.abort();
          throw error;
        })
      ),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
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
