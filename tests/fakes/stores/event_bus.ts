import { systemClock } from "../../../src/clock.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { type EventBus, type EventNotice, maxSeq } from "../../../src/feed/event_bus.ts";
import { RedisEventBus } from "../../../src/redis/event_bus.ts";
import { connectTestRedis, isRedisAvailable, REDIS_URL } from "../redis.ts";
import { waitUntil } from "../wait.ts";

/** Event buses of several instances over one database. */
export interface TestEventBuses extends AsyncDisposable {
  /** The event bus of one more instance. */
  addInstance(): Promise<EventBus>;
}

/** Each kind of event bus; a test of an unavailable kind is ignored. */
export const EVENT_BUSES: readonly {
  readonly kind: string;
  readonly ignore: boolean;
  readonly open: () => Promise<TestEventBuses>;
}[] = [
  { kind: "in-process", ignore: false, open: () => Promise.resolve(createInProcessBuses()) },
  { kind: "Redis", ignore: !await isRedisAvailable(), open: createRedisBuses },
];

/** Event buses within one process. */
class InProcessEventBus implements EventBus {
  readonly #listeners = new Set<(notice: EventNotice) => void>();

  publish(events: readonly StoredEvent[]): void {
    const last = maxSeq(events);
    for (const onNotice of this.#listeners) onNotice({ lastSeq: last, events });
  }

  async listen(onNotice: (notice: EventNotice) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    this.#listeners.add(onNotice);
    await ended.promise;
    this.#listeners.delete(onNotice);
  }
}

function createInProcessBuses(): TestEventBuses {
  const bus = new InProcessEventBus();
  return {
    addInstance: () => Promise.resolve(bus),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Event buses over Redis at `url`, on their own channel. */
export async function createRedisBuses(url = REDIS_URL): Promise<TestEventBuses> {
  const { redis, prefix, ...opened } = await connectTestRedis({ url });
  return {
    addInstance: () =>
      Promise.resolve(
        new RedisEventBus({
          url,
          publisher: redis,
          channel: () => Promise.resolve(`${prefix}events`),
          instance: crypto.randomUUID(),
          clock: systemClock,
          random: Math.random,
        }),
      ),
    async [Symbol.asyncDispose]() {
      await waitUntil(
        async () => await redis.client.ping().catch(() => "") !== "",
        "Redis is back",
      );
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** Publishes a probe until `isReceived`: a bus does not report that it listens. */
export async function waitUntilReceived(bus: EventBus, isReceived: () => boolean): Promise<void> {
  await waitUntil(() => {
    bus.publish([PROBE]);
    return isReceived();
  }, "the wire is listened to");
}

const PROBE = {
  seq: 0,
  at: "2026-01-01T00:00:00.000Z",
  type: "status",
  repository: null,
  data: { state: "polling", waiting_until: null },
} as const;
