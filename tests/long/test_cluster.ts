import { assert, assertEquals, assertGreater } from "@std/assert";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import { isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import type { WebSocketClient } from "../fakes/clients/websocket.ts";
import { sleep, waitUntil } from "../fakes/wait.ts";
import { fetchHealth } from "../process/requests.ts";
import { WEBHOOK_ENVIRONMENT } from "../process/webhook_sender.ts";
import { assertAllStored, receivedContents, Traffic } from "./cluster_traffic.ts";
import { FAILOVER_TIMEOUT_MS, Instance } from "./instance.ts";

/** Requests that were in progress when an outage began are answered after this time. */
export const SETTLE_MS = 3_000;
export const WARM_UP_MS = 2_000;
/** Enough answers to see a refused one. */
const MIN_RESPONSES = 20;

/** Whether PostgreSQL and Redis are available. */
export const canRunCluster = await isPostgresAvailable() && await isRedisAvailable();

/** One instance with its own proxies to PostgreSQL and Redis, its clients and its traffic. */
export interface ClusterMember {
  readonly instance: Instance;
  readonly postgres: TcpProxy;
  readonly redis: TcpProxy;
  /** A client of `/ws?topics=messages` that stays connected as long as the instance runs. */
  readonly messages: WebSocketClient;
  /** A client of `/ws?topics=events` that stays connected as long as the instance runs. */
  readonly events: WebSocketClient;
  readonly traffic: Traffic;
}

/** Instances over one PostgreSQL and one Redis. `await using` stops all of them. */
export class TestCluster implements AsyncDisposable {
  readonly members: ClusterMember[] = [];
  readonly #stack = new AsyncDisposableStack();
  #databaseUrl = "";

  /** Starts `count` instances; the first one is the leader. */
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

  /** Resolves when every instance is healthy and accepts messages. */
  async waitUntilHealthy(): Promise<void> {
    for (const { instance, traffic } of this.members) {
      const isHealthy = async () => (await fetchHealth(instance.url))[0] === 200;
      await waitUntil(isHealthy, "the instance is healthy");
      const from = Date.now();
      const isAccepted = () => traffic.postedSince(from).some(({ status }) => status === 201);
      await waitUntil(isAccepted, "messages are accepted");
    }
  }

  /**
   * Stops the traffic. Checks that everything acknowledged is stored once, and that all clients of `connected` received all
   * of it in one order. Returns the contents of the stored messages.
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
      await waitForLastMessage(events, stored);
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
      // All clients of a test have one address.
      THROTTLE_RATE: "0",
    });
    if (number === 1) await waitUntil(() => instance.requestTimes.length > 0, "it polls GitHub");
    const messages = await instance.connect("?topics=messages");
    const events = await instance.connect("?topics=events");
    const traffic = new Traffic(instance.url, { socket: messages, seed: number });
    this.members.push({ instance, postgres, redis, messages, events, traffic });
  }
}

/** Runs `check` every 500 ms until `ms` have passed. */
export async function checkFor(ms: number, check: () => Promise<void>): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    await check();
    await sleep(500);
  }
}

export function assertOpen(members: readonly ClusterMember[]): void {
  for (const { messages, events } of members) assert(isOpen(messages) && isOpen(events));
}

/** Checks that every message posted since `from` was accepted, and that nothing else was refused. */
export function assertAllAccepted(members: readonly ClusterMember[], from: number): void {
  for (const member of members) {
    assertEquals(responsesSince(from, member), ["201,,false"]);
    assertEquals([member.traffic.rejections, member.traffic.errors], [[], []]);
  }
}

/** The distinct answers to messages posted since `from`: status, error code, and whether there is a Retry-After. */
export function responsesSince(from: number, { traffic }: ClusterMember): string[] {
  const responses = traffic.postedSince(from).map(({ status, code, retryAfter }) =>
    [status, code, Number(retryAfter) > 0].join()
  );
  assertGreater(responses.length, MIN_RESPONSES);
  return [...new Set(responses)];
}

/** The times of the instance's requests to GitHub after `from`, in ms since the epoch. */
export function requestsSince(from: number, { instance }: ClusterMember): number[] {
  return instance.requestTimes.filter((at) => at > from);
}

/** Resolves when one of `members` polls GitHub after `from`. */
export async function waitForPolling(
  members: readonly ClusterMember[],
  from: number,
): Promise<void> {
  const isPolling = () => members.some((member) => requestsSince(from, member).length > 0);
  await waitUntil(isPolling, "an instance polls GitHub", FAILOVER_TIMEOUT_MS);
}

/** Resolves when the clients of each instance received the last message accepted by every instance so far. */
export async function waitForAllMembers(members: readonly ClusterMember[]): Promise<void> {
  const last = members.map(({ traffic }) => traffic.accepted.at(-1));
  for (const { messages } of members) {
    const isReceived = () =>
      last.every((content) => content && receivedContents(messages).includes(content));
    await waitUntil(isReceived, "all clients receive the messages of all instances");
  }
}

/** The messages among the events of `/ws?topics=events`. */
export function messageContents({ frames }: { readonly frames: readonly string[] }): string[] {
  return frames.map((frame) => JSON.parse(frame))
    .flatMap(({ type, data }) => type === "message" ? [data.content] : []);
}

/** Resolves when a client of `/ws?topics=events` received the last stored message. */
export async function waitForLastMessage(
  client: { readonly frames: readonly string[] },
  stored: readonly string[],
): Promise<void> {
  const isReceived = () => messageContents(client).at(-1) === stored.at(-1);
  await waitUntil(isReceived, "the client receives the last message");
}

/** Checks that a client of `/ws?topics=events` received every event since its first one, once and in order. */
export function assertNoSeqGaps({ frames }: { readonly frames: readonly string[] }): void {
  const numbers = frames.map((frame): number => JSON.parse(frame).seq);
  const [first = 0] = numbers;
  assertEquals(numbers, numbers.map((_, index) => first + index));
}

async function waitForMessages(client: WebSocketClient, stored: readonly string[]): Promise<void> {
  const isReceived = () => receivedContents(client).at(-1) === stored.at(-1);
  await waitUntil(isReceived, "the client receives the last message");
  const received = receivedContents(client);
  assertEquals(received, stored.slice(-received.length));
}

function isOpen({ socket }: WebSocketClient): boolean {
  return socket.readyState === WebSocket.OPEN;
}
