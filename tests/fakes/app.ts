import { App } from "../../src/app.ts";
import { systemClock } from "../../src/clock.ts";
import { type Config, readConfig } from "../../src/config.ts";
import type { NumberedEvent } from "../../src/feed/event.ts";
import { openDatabase } from "../../src/sql/database.ts";
import { migrate } from "../../src/sql/migrate.ts";
import { Simulator } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world.ts";
import { within } from "./socket.ts";

/** Beats are short, so that tests are. */
export const BEAT_MS = 150;
export const TOKEN = "ghp_for_tests_alone";

/** The whole program on a free port, against a simulated GitHub. `await using` stops both. */
export class AppUnderTest {
  readonly world = new World({ clock: systemClock });
  readonly simulator = new Simulator({ world: this.world, clock: systemClock, tokens: [TOKEN] });
  readonly events: NumberedEvent[] = [];
  url = "";
  readonly #stop = new AbortController();
  readonly #environment: Record<string, string>;
  #app: App | undefined;
  #finished: Promise<unknown> | undefined;

  constructor(environment: Record<string, string> = {}) {
    this.#environment = environment;
  }

  async start(): Promise<this> {
    const { signal } = this.#stop;
    const gitHub = this.simulator.listen({ hostname: "127.0.0.1", port: 0, signal });
    const listening = Promise.withResolvers<string>();
    const config = readConfig({
      SERVER_PORT: "0",
      GITHUB_TOKEN: TOKEN,
      GITHUB_API_URL: gitHub.url,
      DATABASE_URL: "sqlite::memory:",
      ...this.#environment,
    });
    const database = await openDatabase(config.databaseUrl, { clock: systemClock, serve: true });
    await migrate(database);
    const app = new App(quick(config), {
      database,
      clock: systemClock,
      random: Math.random,
      onListen: listening.resolve,
    });
    void this.#listen(app);
    this.#app = app;
    this.#finished = Promise.all([
      app.run(signal).finally(() => database.close()),
      gitHub.finished,
    ]);
    this.url = await within(listening.promise, "the program to listen");
    return this;
  }

  /** Collects every event of the feed. */
  async #listen(app: App): Promise<void> {
    const follower = await app.feed.follow({ signal: this.#stop.signal });
    for await (const batch of follower) {
      if ("events" in batch) this.events.push(...batch.events.map(({ json }) => JSON.parse(json)));
    }
  }

  get app(): App {
    if (!this.#app) throw new Error("Cannot use the program before it was started");
    return this.#app;
  }

  get socketUrl(): string {
    return `${this.url.replace(/^http/, "ws")}/ws`;
  }

  async health(): Promise<{ status: string; github: Record<string, unknown> }> {
    return await (await fetch(`${this.url}/health`)).json();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await within(this.#finished ?? Promise.resolve(), "the program to stop", 5_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function quick(config: Config): Config {
  return { ...config, poll: { ...config.poll, intervalMs: BEAT_MS } };
}
