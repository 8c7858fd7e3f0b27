import { type App, createApp } from "../../../src/app.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { type Config, readConfig } from "../../../src/config.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { Simulator } from "../../../src/simulator/server.ts";
import { World } from "../../../src/simulator/world/world.ts";
import { openDatabase } from "../../../src/sql/database.ts";
import { migrate } from "../../../src/sql/migrate.ts";
import { responseCheck } from "../response_check.ts";
import { withTimeout } from "../wait.ts";
import { allVisible } from "../visibility.ts";

/** A short interval, for short tests. */
export const APP_POLL_INTERVAL_MS = 150;
export const TOKEN = "ghp_for_tests_alone";

export interface AppSettings {
  readonly environment?: Record<string, string>;
  readonly pollIntervalMs?: number;
  /** The clock of the program and of GitHub. */
  readonly clock?: Clock;
}

/** The whole program on a free port, with a simulated GitHub. `await using` stops both. */
export class AppUnderTest {
  readonly world: World;
  readonly simulator: Simulator;
  readonly events: StoredEvent[] = [];
  url = "";
  readonly #settings: AppSettings;
  readonly #clock: Clock;
  readonly #stopGitHub = new AbortController();
  #gitHub: { readonly url: string; readonly finished: Promise<void> } | undefined;
  #stopApp = new AbortController();
  #app: App | undefined;
  #finished: Promise<void> = Promise.resolve();

  constructor(settings: AppSettings = {}) {
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.world = new World({ clock: this.#clock });
    this.simulator = new Simulator({ world: this.world, clock: this.#clock, tokens: [TOKEN] });
  }

  /** Starts the program; may be called again after `stopApp`. */
  async start(): Promise<this> {
    const { environment, pollIntervalMs = APP_POLL_INTERVAL_MS } = this.#settings;
    this.#gitHub ??= this.simulator.listen({
      hostname: "127.0.0.1",
      port: 0,
      signal: this.#stopGitHub.signal,
    });
    const config = readConfig({
      SERVER_PORT: "0",
      GITHUB_TOKEN: TOKEN,
      GITHUB_API_URL: this.#gitHub.url,
      DATABASE_URL: "sqlite::memory:",
      ...environment,
    });
    const database = await openDatabase(config.databaseUrl, { clock: systemClock, serve: true });
    await migrate(database);
    const listening = Promise.withResolvers<string>();
    this.#stopApp = new AbortController();
    const app = createApp(withPollInterval(config, pollIntervalMs), {
      database,
      clock: this.#clock,
      random: Math.random,
      onListen: listening.resolve,
    });
    void this.#recordEvents(app);
    this.#app = app;
    this.#finished = app.run(this.#stopApp.signal).finally(() => database.close());
    this.url = await withTimeout(
      Promise.race([listening.promise, this.#finished.then(() => "")]),
      "the program to listen",
    );
    if (this.url !== "") await responseCheck.watch(this.url);
    return this;
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

  /** Stops the program, but not GitHub. */
  async stopApp(): Promise<void> {
    if (this.url !== "") responseCheck.unwatch(this.url);
    this.#stopApp.abort();
    await withTimeout(this.#finished, "the program to stop", 5_000);
  }

  async stop(): Promise<void> {
    await this.stopApp();
    this.#stopGitHub.abort();
    await withTimeout(this.#gitHub?.finished ?? Promise.resolve(), "GitHub to stop", 5_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Records every event of the feed. */
  async #recordEvents(app: App): Promise<void> {
    const subscription = await app.feed.subscribe({
      visibility: allVisible,
      signal: this.#stopApp.signal,
    });
    for await (const batch of subscription) {
      if ("events" in batch) this.events.push(...batch.events.map(({ json }) => JSON.parse(json)));
    }
  }
}

function withPollInterval(config: Config, intervalMs: number): Config {
  return { ...config, poll: { ...config.poll, intervalMs } };
}
