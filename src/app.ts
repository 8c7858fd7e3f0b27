import manifest from "../deno.json" with { type: "json" };
import type { Clock } from "./clock.ts";
import { type Config, isLoopback } from "./config.ts";
import { Audience } from "./feed/audience.ts";
import { Broadcast } from "./feed/broadcast.ts";
import { Feed } from "./feed/feed.ts";
import { GitHub } from "./github/client.ts";
import { GitHubRepositories } from "./github/repository.ts";
import { GitHubRuns } from "./github/run.ts";
import { health } from "./http/health.ts";
import { originRule } from "./http/origin.ts";
import { Server } from "./http/server.ts";
import { Connections } from "./http/ws.ts";
import { Cycle } from "./run/cycle.ts";
import { runEvent, StatusReport } from "./run/event.ts";
import { MemoryRunStore } from "./run/memory.ts";
import type { Random } from "./run/pace.ts";
import { Poller } from "./run/poller.ts";
import type { View } from "./run/snapshot.ts";

export interface AppOptions {
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
  readonly connections: Connections;
  readonly #server: Server;

  constructor(config: Config, { clock, random, onListen }: AppOptions) {
    const { server, poll } = config;
    this.github = new GitHub({
      credential: config.github.credential,
      baseUrl: config.github.apiUrl,
      version: manifest.version,
      clock,
    });
    this.feed = new Feed(clock);
    const audience = new Audience();
    // One that never leaves.
    if (poll.when === "always") audience.enter();
    const broadcast = new Broadcast<View>({ clock, audience });
    const cycle = new Cycle({
      size: poll,
      clock,
      random,
      repositories: new GitHubRepositories(this.github),
      runs: new GitHubRuns(this.github),
      store: new MemoryRunStore(),
      onChange: (run) => this.feed.publish(runEvent(run)),
    });
    const budget = () => this.github.budget;
    const report = new StatusReport((event) => this.feed.publish(event));
    this.poller = new Poller({
      cycle,
      interval: poll.intervalMs,
      clock,
      random,
      audience,
      budget,
      onSnapshot: (snapshot) => broadcast.publish(snapshot),
      onPhase: () => report.update(this.poller.status),
    });
    this.connections = new Connections({
      broadcast,
      current: () => this.poller.current,
      origins: originRule({
        allowed: server.allowedOrigins,
        publicUrl: server.publicUrl,
        isLoopback: isLoopback(server.hostname),
      }),
      maxConnections: server.maxConnections,
      clock,
    });
    this.#server = new Server({
      hostname: server.hostname,
      port: server.port,
      connections: this.connections,
      health: () => health({ poller: this.poller, budget }),
      clock,
      onListen: ({ hostname, port }) => onListen(`http://${urlHost(hostname)}:${port}`),
    });
  }

  /** Runs until `signal` aborts, then stops within 5 s; when one part fails, the others stop too. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const parts = [this.#server, this.poller].map((part) =>
      part.run(stop).finally(() => failed.abort())
    );
    const outcomes = await Promise.allSettled(parts);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}

function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
