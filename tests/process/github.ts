import { systemClock } from "../../src/clock.ts";
import { Simulator, type SimulatorOptions } from "../../src/simulator/server.ts";
import { World } from "../../src/simulator/world/world.ts";

export const TOKEN = "ghp_never_to_be_seen";
export const REPOSITORY = "octo-org/api";

/** A simulated GitHub in the test's process, with one run. `await using` stops it. */
export class SimulatedGitHub {
  readonly world: World;
  readonly simulator: Simulator;
  readonly url: string;
  /** Resolves when a response is delayed by a fault of kind `delay`. */
  readonly responseDelayed: Promise<void>;
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;

  constructor(options: Partial<SimulatorOptions> = {}) {
    const responseDelayed = Promise.withResolvers<void>();
    this.responseDelayed = responseDelayed.promise;
    const clock = {
      ...systemClock,
      sleep(ms: number, signal?: AbortSignal): Promise<void> {
        responseDelayed.resolve();
        return systemClock.sleep(ms, signal);
      },
    };
    this.world = options.world ?? new World({ clock });
    this.world.addRepository({ full_name: REPOSITORY });
    this.world.addRun(REPOSITORY, { display_title: "Fix the build" });
    this.simulator = new Simulator({ world: this.world, clock, tokens: [TOKEN], ...options });
    const { url, finished } = this.simulator.listen({
      hostname: "127.0.0.1",
      port: 0,
      signal: this.#stop.signal,
    });
    this.url = url;
    this.#finished = finished;
  }

  /** The environment of a program that polls this GitHub every second. */
  get environment(): Record<string, string> {
    return {
      GITHUB_API_URL: this.url,
      GITHUB_TOKEN: TOKEN,
      POLL_INTERVAL_SECONDS: "1",
      SERVER_PORT: "0",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}
