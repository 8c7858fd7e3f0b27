import { assertEquals } from "@std/assert";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { isRedisThere, REDIS_URL } from "../fakes/redis.ts";
import { type SocketClient, until } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { healthOf } from "./ask.ts";
import { Instance } from "./cluster.ts";
import { assertAllKept, messagesOf, Traffic } from "./cluster_traffic.ts";
import { WEBHOOK_ENVIRONMENT } from "./sender.ts";

/** Whether there is what a site needs. */
export const isSiteThere = await isPostgresThere() && await isRedisThere();

/** One instance, what leads it to its services, those who listen to it, and what is sent to it. */
export interface Place {
  readonly instance: Instance;
  readonly postgres: TcpProxy;
  readonly redis: TcpProxy;
  /** Of `/ws?topics=messages` and of `/ws?topics=events`: they stay as long as the instance does. */
  readonly messages: SocketClient;
  readonly events: SocketClient;
  readonly traffic: Traffic;
}

/** Instances over one PostgreSQL and one Redis, each with ways of its own to both. `await using` ends all. */
export class Site implements AsyncDisposable {
  readonly places: Place[] = [];
  readonly #stack = new AsyncDisposableStack();
  #databaseUrl = "";

  /** Starts `count` instances: the first one polls. */
  static async of(count: number): Promise<Site> {
    const site = new Site();
    try {
      site.#databaseUrl = site.#stack.use(await testSchema()).url;
      for (let number = 1; number <= count; number++) await site.#add(number);
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  get databaseUrl(): string {
    return this.#databaseUrl;
  }

  /** Resolves when everything that is sent to `places` is taken again. */
  async isWell(places: readonly Place[] = this.places): Promise<void> {
    for (const { instance, traffic } of places) {
      const isHealthy = async () => (await healthOf(instance.url))[0] === 200;
      await until(isHealthy, "it is healthy");
      const from = Date.now();
      const isTaken = () => traffic.postedSince(from).some(({ status }) => status === 201);
      await until(isTaken, "messages are taken");
    }
  }

  /**
   * Stops what is sent, and checks that what was acknowledged is kept once, and that all clients of `stayed`, who never had
   * to come back, have heard all of it, in one order.
   */
  async settle(stayed: readonly Place[] = this.places): Promise<readonly string[]> {
    for (const { traffic } of this.places) await traffic.stop();
    const all = this.places.map(({ traffic }) => traffic);
    const open = stayed.map(({ traffic }) => traffic);
    const kept = await assertAllKept(this.#databaseUrl, all, { open });
    for (const { messages, events } of stayed) {
      assertEquals([messages, events].map(isOpen), [true, true]);
      await heardAll(messages, kept);
      await until(() => saidIn(events).at(-1) === kept.at(-1), "all is heard");
      assertEquals(saidIn(events), kept.slice(-saidIn(events).length));
      assertNoHoles(events);
    }
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.places.map(({ traffic }) => traffic.stop()));
    await this.#stack[Symbol.asyncDispose]();
  }

  async #add(number: number): Promise<void> {
    const postgres = this.#stack.use(TcpProxy.to(this.#databaseUrl));
    const redis = this.#stack.use(TcpProxy.to(REDIS_URL));
    const instance = this.#stack.use(new Instance());
    await instance.start(postgres.through(this.#databaseUrl), {
      ...WEBHOOK_ENVIRONMENT,
      REDIS_URL: redis.through(REDIS_URL),
      POLL_WHEN: "always",
      // Everybody comes from one address here.
      THROTTLE_RATE: "0",
    });
    if (number === 1) await until(() => instance.askedAt.length > 0, "it polls");
    const messages = await instance.connect("?topics=messages");
    const events = await instance.connect("?topics=events");
    const traffic = new Traffic(instance.url, { socket: messages, seed: number });
    this.places.push({ instance, postgres, redis, messages, events, traffic });
  }
}

export function isOpen({ socket }: SocketClient): boolean {
  return socket.readyState === WebSocket.OPEN;
}

/** The messages among the events of `/ws?topics=events`. */
export function saidIn({ frames }: { readonly frames: readonly string[] }): string[] {
  return frames.map((frame) => JSON.parse(frame))
    .flatMap(({ type, data }) => type === "message" ? [data.content] : []);
}

/**
 * Resolves when the clients of each place have heard what was taken at every other place until now: also while instances
 * cannot tell each other.
 */
export async function allHeard(places: readonly Place[]): Promise<void> {
  const last = places.map(({ traffic }) => traffic.taken.at(-1));
  for (const { messages } of places) {
    const isHeard = () =>
      last.every((content) => content && messagesOf(messages).includes(content));
    await until(isHeard, "all hear of each other");
  }
}

async function heardAll(client: SocketClient, kept: readonly string[]): Promise<void> {
  await until(() => messagesOf(client).at(-1) === kept.at(-1), "all is heard");
  const heard = messagesOf(client);
  assertEquals(heard, kept.slice(-heard.length));
}

/** Checks that a client of `/ws?topics=events` has heard every event since its first one, once and in order. */
export function assertNoHoles({ frames }: { readonly frames: readonly string[] }): void {
  const numbers = frames.map((frame): number => JSON.parse(frame).seq);
  const [first = 0] = numbers;
  assertEquals(numbers, numbers.map((_, index) => first + index));
}
