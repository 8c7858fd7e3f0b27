import { createClient } from "redis";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";

const CONNECT_LIMIT_MS = 3_000;
/** Between two tries to connect: growing up to this, with as much of jitter. */
const MAX_PAUSE_MS = 2_000;
/** What may wait for an answer. */
const MAX_COMMANDS = 10_000;

export type RedisClient = ReturnType<typeof newClient>;

/** One connection to Redis, which comes back by itself. What is asked of it while it is away fails at once. */
export class Redis {
  readonly client: RedisClient;
  readonly #logger = log("redis");
  #isTold = false;

  /** @param url `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` over TLS */
  constructor(url: string, { random }: { readonly random: () => number }) {
    this.client = newClient(url, random);
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  /** Stays connected until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    if (signal.aborted) return;
    this.client.on("error", (error) => this.#tell(error));
    this.client.on("ready", () => this.#isTold = false);
    // Resolves when it is connected, however long that takes, and rejects when it is ended before.
    this.client.connect().catch(() => {});
    await ended.promise;
    this.client.destroy();
  }

  /** Once for each outage. */
  #tell(error: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#logger.warning("Redis is away: {reason}", { reason: messageOf(error) });
  }
}

function newClient(url: string, random: () => number) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    socket: {
      connectTimeout: CONNECT_LIMIT_MS,
      reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, MAX_PAUSE_MS) * (1 + random()),
    },
  });
}
