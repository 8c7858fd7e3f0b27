import { isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { Program } from "../fakes/program.ts";
import { WebSocketClient } from "../fakes/clients/websocket.ts";
import { withTimeout } from "../fakes/wait.ts";
import { SimulatedGitHub } from "../process/github.ts";

/** What instances share besides PostgreSQL. */
export const CLUSTER_KINDS: readonly {
  readonly kind: string;
  readonly ignore: boolean;
  readonly environment: Readonly<Record<string, string>>;
}[] = [
  { kind: "PostgreSQL alone", ignore: false, environment: {} },
  {
    kind: "PostgreSQL and Redis",
    ignore: !await isRedisAvailable(),
    environment: { REDIS_URL },
  },
];

/** The time limit for a poll: an interval, and the delay of a busy machine. */
export const POLL_TIMEOUT_MS = 8_000;
/** The time limit for another instance to poll after the leader died or stopped responding. */
export const FAILOVER_TIMEOUT_MS = 15_000;

/** One instance with its own simulated GitHub, so that its requests and runs differ from those of other instances. */
export class Instance implements AsyncDisposable {
  readonly github = new SimulatedGitHub();
  readonly #clients: WebSocketClient[] = [];
  url = "";
  #program: Program | undefined;

  /** Starts the program over the database at `databaseUrl`. */
  async start(databaseUrl: string, environment: Readonly<Record<string, string>>): Promise<this> {
    this.#program = await Program.start(["serve"], {
      ...this.github.environment,
      ...environment,
      DATABASE_URL: databaseUrl,
    });
    this.url = await this.#program.url();
    return this;
  }

  /** Connects a client to `/ws` with `query`. */
  async connect(query = ""): Promise<WebSocketClient> {
    const client = await WebSocketClient.connect(`${this.url.replace("http", "ws")}/ws${query}`);
    this.#clients.push(client);
    return client;
  }

  kill(signal: Deno.Signal): void {
    this.#program?.kill(signal);
  }

  /** The times of the requests to GitHub, in ms since the epoch. */
  get requestTimes(): readonly number[] {
    return this.github.simulator.requests.entries.map(({ at }) => at);
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.#program?.output ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    for (const client of this.#clients) await withTimeout(client.closed, "a client to be closed");
    await this.github[Symbol.asyncDispose]();
  }
}
