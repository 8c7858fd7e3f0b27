import { type Clock, systemClock } from "../../src/clock.ts";
import { Audience } from "../../src/feed/audience.ts";
import { Broadcast } from "../../src/feed/broadcast.ts";
import { health } from "../../src/http/health.ts";
import { type OriginRule, originRule } from "../../src/http/origin.ts";
import { Server } from "../../src/http/server.ts";
import { Connections } from "../../src/http/ws.ts";
import { Snapshot, type View } from "../../src/run/snapshot.ts";
import { aRun } from "./github.ts";
import { within } from "./socket.ts";

export interface ServerSettings {
  readonly port?: number;
  readonly maxConnections?: number;
  readonly heartbeatSeconds?: number;
  readonly origins?: OriginRule;
  readonly clock?: Clock;
}

/** The HTTP side alone, with snapshots from the test's hand. `await using` stops it. */
export class ServerUnderTest {
  readonly audience = new Audience();
  readonly connections: Connections;
  port = 0;
  /** What new clients get at once. */
  current: Snapshot | undefined;
  readonly #broadcast: Broadcast<View>;
  readonly #stop = new AbortController();
  readonly #server: Server;
  readonly #listening = Promise.withResolvers<number>();
  #finished: Promise<void> | undefined;

  constructor(settings: ServerSettings = {}) {
    const { clock = systemClock, maxConnections = 100, heartbeatSeconds } = settings;
    const loopback = originRule({ allowed: [], publicUrl: undefined, isLoopback: true });
    this.#broadcast = new Broadcast({ clock, audience: this.audience });
    this.connections = new Connections({
      broadcast: this.#broadcast,
      current: () => this.current,
      origins: settings.origins ?? loopback,
      maxConnections,
      clock,
      ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    });
    this.#server = new Server({
      hostname: "127.0.0.1",
      port: settings.port ?? 0,
      connections: this.connections,
      health: () =>
        health({
          poller: { status: { state: "resting", waitingUntil: null, lastSuccessAt: null } },
          budget: () => undefined,
        }),
      clock,
      onListen: ({ port }) => this.#listening.resolve(port),
    });
  }

  async start(): Promise<this> {
    this.#finished = this.#server.run(this.#stop.signal);
    this.port = await within(this.#listening.promise, "the server to listen");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  /** Sends a snapshot of one run with this title. */
  publish(title: string): void {
    this.#broadcast.publish(new Snapshot([aRun({ displayTitle: title })], 0));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await within(this.#finished ?? Promise.resolve(), "the server to stop", 5_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The title that `publish` put in a frame. */
export function titleOf(frame: string): string {
  return JSON.parse(frame).runs[0].displayTitle;
}
