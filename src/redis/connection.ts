import { createClient } from "redis";
import { type Clock, withTimeout } from "../clock.ts";
import { toErrorMessage } from "../errors.ts";
import { LatencyHistogram } from "../latency_histogram.ts";
import { log } from "../log.ts";

/** For connecting, and for the setup of a new connection. */
const CONNECT_TIMEOUT_MS = 3_000;
/** The pause between connection attempts grows from this value, with up to 100 % of jitter. */
const MIN_BACKOFF_MS = 50;
/** The longest pause between connection attempts, without jitter. */
const MAX_BACKOFF_MS = 2_000;
/** Interval of pings, which detect a connection lost without an error. */
const PING_INTERVAL_MS = 1_000;
const PING_TIMEOUT_MS = 2_000;
/** Commands waiting for a reply. */
const MAX_QUEUED_COMMANDS = 10_000;

type RedisClient = ReturnType<typeof createRedisClient>;

interface RedisOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Sets up each new connection before it is used. */
  readonly onConnect?: (client: RedisClient) => Promise<void>;
}

/** One connection to Redis, which reconnects automatically. Commands fail immediately while it is disconnected. */
export class Redis {
  /** Response times of Redis. */
  readonly latency = new LatencyHistogram();
  readonly #url: string;
  readonly #options: RedisOptions;
  readonly #logger = log("redis");
  #client: RedisClient;
  /** Resolves with the next connection. */
  #connected = Promise.withResolvers<void>();
  #isOutageLogged = false;

  /** @param url `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` over TLS */
  constructor(url: string, options: RedisOptions) {
    this.#url = url;
    this.#options = options;
    this.#client = createRedisClient(url);
  }

  /** The current connection; replaced after each disconnect. */
  get client(): RedisClient {
    return this.#client;
  }

  get isReady(): boolean {
    return this.#client.isReady;
  }

  /** @throws {Error} when Redis is unavailable */
  async check(): Promise<void> {
    if (!this.isReady) throw new Error("Redis unavailable");
    await this.latency.time(() => this.client.ping());
  }

  /**
   * Resolves when connected.
   * @throws {Error} when not connected within `ms`
   */
  async waitUntilReady(ms: number): Promise<void> {
    if (!this.isReady) await this.#withTimeout(ms, this.#connected.promise);
  }

  /** Connects, and reconnects until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 0; !signal.aborted; tries++) {
      if (await this.#runConnection(signal)) tries = 0;
      const pause = Math.min(MIN_BACKOFF_MS * 2 ** tries, MAX_BACKOFF_MS) * (1 + random());
      await clock.sleep(pause, signal);
    }
  }

  /** Runs one connection until it ends. Returns `false` if it could not be established. */
  async #runConnection(signal: AbortSignal): Promise<boolean> {
    const { clock, onConnect } = this.#options;
    const client = this.#client = createRedisClient(this.#url);
    const lost = new AbortController();
    client.on("error", (error) => {
      if (!signal.aborted) this.#logOutage(error);
      lost.abort();
    });
    const ended = AbortSignal.any([signal, lost.signal]);
    // Fails all pending commands.
    const close = () => client.destroy();
    signal.addEventListener("abort", close, { once: true });
    let wasConnected = false;
    try {
      await this.#withTimeout(CONNECT_TIMEOUT_MS, client.connect());
      await this.#withTimeout(CONNECT_TIMEOUT_MS, onConnect?.(client) ?? Promise.resolve());
      wasConnected = true;
      this.#connected.resolve();
      if (this.#isOutageLogged) this.#logger.info("Redis reconnected");
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

  /** Logs once per outage. */
  #logOutage(error: unknown): void {
    if (this.#isOutageLogged) return;
    this.#isOutageLogged = true;
    this.#logger.warning("Redis unavailable: {reason}", { reason: toErrorMessage(error) });
  }
}

/** Reconnecting is left to `Redis`, because the client waits without a limit for a server that accepts but sends nothing. */
function createRedisClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_QUEUED_COMMANDS,
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
}
