import { isRedisThere, REDIS_URL } from "../fakes/redis.ts";
import { Program } from "../fakes/program.ts";
import { SocketClient, within } from "../fakes/socket.ts";
import { SimulatedGitHub } from "./github.ts";

/** What two instances share, besides PostgreSQL. */
export const KINDS: readonly {
  readonly kind: string;
  readonly ignore: boolean;
  readonly environment: Readonly<Record<string, string>>;
}[] = [
  { kind: "PostgreSQL alone", ignore: false, environment: {} },
  {
    kind: "PostgreSQL and Redis",
    ignore: !await isRedisThere(),
    environment: { REDIS_URL },
  },
];

/** When the one that holds the lease is gone, or says nothing any more. */
export const FOLLOWED_WITHIN_MS = 15_000;

/** One instance with a GitHub of its own, by which its requests and what comes of them are told from those of others. */
export class Instance implements AsyncDisposable {
  readonly github = new SimulatedGitHub();
  readonly #clients: SocketClient[] = [];
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

  /** A client of `/ws` with such a query. */
  async connect(query = ""): Promise<SocketClient> {
    const client = await SocketClient.connect(`${this.url.replace("http", "ws")}/ws${query}`);
    this.#clients.push(client);
    return client;
  }

  kill(signal: Deno.Signal): void {
    this.#program?.kill(signal);
  }

  /** When GitHub was asked, in ms since the epoch. */
  get askedAt(): readonly number[] {
    return this.github.simulator.requests.entries.map(({ at }) => at);
  }

  /** What it has logged. */
  get output(): string {
    return this.#program?.output ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    for (const client of this.#clients) await within(client.closed, "a client to be closed");
    await this.github[Symbol.asyncDispose]();
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
