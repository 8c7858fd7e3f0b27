import { createClient } from "redis";
import { type Clock, withTimeout } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { log } from "../log.ts";

/** To connect, and to be greeted. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Between two tries to connect: growing from the first to the second, with as much of jitter. */
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** How often it is looked whether Redis still answers, and how long that may take: a network can lose all in silence. */
const PING_INTERVAL_MS = 1_000;
const PING_TIMEOUT_MS = 2_000;
/** What may wait for an answer. */
const MAX_QUEUED_COMMANDS = 10_000;

export type RedisClient = ReturnType<typeof createRedisClient>;

export interface RedisOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Done with each new connection, before it is waited for anything else. */
  readonly onConnect?: (client: RedisClient) => Promise<void>;
}

/** One connection to Redis, which comes back by itself. What is asked of it while it is away fails at once. */
export class Redis {
  /** How long Redis takes to answer. */
  readonly latency = new LatencyHistogram();
  readonly #url: string;
  readonly #options: RedisOptions;
  readonly #logger = log("redis");
  #client: RedisClient;
  /** Resolves when the next connection is there. */
  #connected = Promise.withResolvers<void>();
  #isOutageLogged = false;

  /** @param url `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` over TLS */
  constructor(url: string, options: RedisOptions) {
    this.#url = url;
    this.#options = options;
    this.#client = createRedisClient(url);
  }

  /** The connection of now: another one after each loss. */
  get client(): RedisClient {
    return this.#client;
  }

  get isReady(): boolean {
    return this.#client.isReady;
  }

  /** @throws {Error} when Redis does not answer */
  async check(): Promise<void> {
    if (!this.isReady) throw new Error("Redis is away");
    await this.latency.time(() => this.client.ping());
  }

  /**
   * Resolves as soon as it is connected.
   * @throws when it is not within `ms`
   */
  async waitUntilReady(ms: number): Promise<void> {
    if (!this.isReady) await this.#withTimeout(ms, this.#connected.promise);
  }

  /** Stays connected until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 0; !signal.aborted; tries++) {
      if (await this.#runConnection(signal)) tries = 0;
      const pause = Math.min(MIN_BACKOFF_MS * 2 ** tries, MAX_BACKOFF_MS) * (1 + random());
      await clock.sleep(pause, signal);
    }
  }

  /** One connection from its beginning to its end. Returns whether there was one. */
  async #runConnection(signal: AbortSignal): Promise<boolean> {
    const { clock, onConnect } = this.#options;
    const client = this.#client = createRedisClient(this.#url);
    const lost = new AbortController();
    client.on("error", (error) => {
      if (!signal.aborted) this.#logOutage(error);
      lost.abort();
    });
    const ended = AbortSignal.any([signal, lost.signal]);
    // Whatever is waited for fails.
    const close = () => client.destroy();
    signal.addEventListener("abort", close, { once: true });
    let wasConnected = false;
    try {
      await this.#withTimeout(CONNECT_TIMEOUT_MS, client.connect());
      await this.#withTimeout(CONNECT_TIMEOUT_MS, onConnect?.(client) ?? Promise.resolve());
      wasConnected = true;
      this.#connected.resolve();
      if (this.#isOutageLogged) this.#logger.info("Redis is back");
      this.#isOutageLogged = false;
      while (!ended.aborted) {
        await clock.sleep(PING_INTERVAL_MS, ended);
        if (!ended.aborted) await this.#ping(client);
      }
    } catch (error) {
      if (!signal.aborted) this.#logOutage(error);
    }
    signal.removeEventListener("abort", close);
    client.destroy();
    if (wasConnected) this.#connected = Promise.withResolvers();
    return wasConnected;
  }

  async #ping(client: RedisClient): Promise<void> {
    await this.#withTimeout(PING_TIMEOUT_MS, this.latency.time(() => client.ping()));
  }

  #withTimeout<T>(ms: number, reply: Promise<T>): Promise<T> {
    return withTimeout(this.#options.clock, ms, reply);
  }

  /** Once for each outage. */
  #logOutage(error: unknown): void {
    if (this.#isOutageLogged) return;
    this.#isOutageLogged = true;
    this.#logger.warning("Redis is away: {reason}", { reason: toErrorMessage(error) });
  }
}

/** Who connects again is `Redis`: the client's own way waits for ever for a greeting that does not come. */
function createRedisClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED_COMMANDS,
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
}
