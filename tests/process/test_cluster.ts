import { assertEquals } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import type { WebSocketClient } from "../fakes/clients/websocket.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { fetchHealth } from "./requests.ts";
import { Instance } from "./instance.ts";
import { assertAllStored, receivedContents, Traffic } from "./cluster_traffic.ts";
import { WEBHOOK_ENVIRONMENT } from "./webhook_sender.ts";

/** Whether there is what a site needs. */
export const canRunCluster = await isPostgresAvailable() && await isRedisAvailable();

/** One instance, what leads it to its services, those who listen to it, and what is sent to it. */
export interface ClusterMember {
  readonly instance: Instance;
  readonly postgres: TcpProxy;
  readonly redis: TcpProxy;
  /** Of `/ws?topics=messages` and of `/ws?topics=events`: they stay as long as the instance does. */
  readonly messages: WebSocketClient;
  readonly events: WebSocketClient;
  readonly traffic: Traffic;
}

/** Instances over one PostgreSQL and one Redis, each with ways of its own to both. `await using` ends all. */
export class TestCluster implements AsyncDisposable {
  readonly members: ClusterMember[] = [];
  readonly #stack = new AsyncDisposableStack();
  #databaseUrl = "";

  /** Starts `count` instances: the first one polls. */
  static async start(count: number): Promise<TestCluster> {
    const cluster = new TestCluster();
    try {
      cluster.#databaseUrl = cluster.#stack.use(await createTestSchema()).url;
      for (let number = 1; number <= count; number++) await cluster.#addMember(number);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get databaseUrl(): string {
    return this.#databaseUrl;
  }

  /** Resolves when everything that is sent to `places` is taken again. */
  async waitUntilHealthy(members: readonly ClusterMember[] = this.members): Promise<void> {
    for (const { instance, traffic } of members) {
      const isHealthy = async () => (await fetchHealth(instance.url))[0] === 200;
      await waitUntil(isHealthy, "it is healthy");
      const from = Date.now();
      const isAccepted = () => traffic.postedSince(from).some(({ status }) => status === 201);
      await waitUntil(isAccepted, "messages are taken");
    }
  }

  /**
   * Stops what is sent, and checks that what was acknowledged is kept once, and that all clients of `stayed`, who never had
   * to come back, have heard all of it, in one order.
   */
  async stopAndVerify(
    connected: readonly ClusterMember[] = this.members,
  ): Promise<readonly string[]> {
    for (const { traffic } of this.members) await traffic.stop();
    const all = this.members.map(({ traffic }) => traffic);
    const open = connected.map(({ traffic }) => traffic);
    const stored = await assertAllStored(this.#databaseUrl, all, { open });
    for (const { messages, events } of connected) {
      assertEquals([messages, events].map(isOpen), [true, true]);
      await waitForMessages(messages, stored);
      await waitUntil(() => messageContents(events).at(-1) === stored.at(-1), "all is heard");
      assertEquals(messageContents(events), stored.slice(-messageContents(events).length));
      assertNoSeqGaps(events);
    }
    return stored;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ traffic }) => traffic.stop()));
    await this.#stack[Symbol.asyncDispose]();
  }

  async #addMember(number: number): Promise<void> {
    const postgres = this.#stack.use(TcpProxy.to(this.#databaseUrl));
    const redis = this.#stack.use(TcpProxy.to(REDIS_URL));
    const instance = this.#stack.use(new Instance());
    await instance.start(postgres.proxiedUrl(this.#databaseUrl), {
      ...WEBHOOK_ENVIRONMENT,
      REDIS_URL: redis.proxiedUrl(REDIS_URL),
      POLL_WHEN: "always",
      // Everybody comes from one address here.
      THROTTLE_RATE: "0",
    });
    if (number === 1) await waitUntil(() => instance.requestTimes.length > 0, "it polls");
    const messages = await instance.connect("?topics=messages");
    const events = await instance.connect("?topics=events");
    const traffic = new Traffic(instance.url, { socket: messages, seed: number });
    this.members.push({ instance, postgres, redis, messages, events, traffic });
  }
}

export function isOpen({ socket }: WebSocketClient): boolean {
  return socket.readyState === WebSocket.OPEN;
}

/** The messages among the events of `/ws?topics=events`. */
export function messageContents({ frames }: { readonly frames: readonly string[] }): string[] {
  return frames.map((frame) => JSON.parse(frame))
    .flatMap(({ type, data }) => type === "message" ? [data.content] : []);
}

/**
 * Resolves when the clients of each place have heard what was taken at every other place until now: also while instances
 * cannot tell each other.
 */
export async function waitForAllMembers(members: readonly ClusterMember[]): Promise<void> {
  const last = members.map(({ traffic }) => traffic.accepted.at(-1));
  for (const { messages } of members) {
    const isReceived = () =>
      last.every((content) => content && receivedContents(messages).includes(content));
    await waitUntil(isReceived, "all hear of each other");
  }
}

async function waitForMessages(client: WebSocketClient, stored: readonly string[]): Promise<void> {
  await waitUntil(() => receivedContents(client).at(-1) === stored.at(-1), "all is heard");
  const received = receivedContents(client);
  assertEquals(received, stored.slice(-received.length));
}

/** Checks that a client of `/ws?topics=events` has heard every event since its first one, once and in order. */
export function assertNoSeqGaps({ frames }: { readonly frames: readonly string[] }): void {
  const numbers = frames.map((frame): number => JSON.parse(frame).seq);
  const [first = 0] = numbers;
  assertEquals(numbers, numbers.map((_, index) => first + index));
}
