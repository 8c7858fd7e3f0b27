import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { maxSeq, type EventNotice, type EventBus } from "../../src/feed/event_bus.ts";
import { RedisEventBus } from "../../src/redis/event_bus.ts";
import { isRedisThere, REDIS_URL, testRedis } from "./redis.ts";
import { until } from "./socket.ts";

/** Wires of some instances over one database. */
export interface TestWires extends AsyncDisposable {
  /** One more instance. */
  join(): Promise<EventBus>;
}

/** Each kind of wire; a test of one that is not there is ignored. */
export const WIRES: readonly {
  readonly kind: string;
  readonly ignore: boolean;
  readonly open: () => Promise<TestWires>;
}[] = [
  { kind: "in-process", ignore: false, open: () => Promise.resolve(processWires()) },
  { kind: "Redis", ignore: !await isRedisThere(), open: redisWires },
];

/** Between feeds of one process. */
class ProcessWire implements EventBus {
  readonly #listeners = new Set<(news: EventNotice) => void>();

  publish(events: readonly StoredEvent[]): void {
    const last = maxSeq(events);
    for (const hear of this.#listeners) hear({ last, events });
  }

  async listen(hear: (news: EventNotice) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    this.#listeners.add(hear);
    await ended.promise;
    this.#listeners.delete(hear);
  }
}

function processWires(): TestWires {
  const wire = new ProcessWire();
  return { join: () => Promise.resolve(wire), [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** Over Redis at `url`, on a channel of their own. */
export async function redisWires(url = REDIS_URL): Promise<TestWires> {
  const { redis, prefix, ...opened } = await testRedis({ url });
  return {
    join: () =>
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
      await until(async () => await redis.client.ping().catch(() => "") !== "", "Redis is back");
      await opened[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when `heard` says that news arrives: nobody else says when a wire is listened to. */
export async function untilHeard(wire: EventBus, heard: () => boolean): Promise<void> {
  await until(() => {
    wire.publish([PROBE]);
    return heard();
  }, "the wire is listened to");
}

const PROBE = {
  seq: 0,
  at: "2026-01-01T00:00:00.000Z",
  type: "status",
  repository: null,
  data: { state: "polling", waiting_until: null },
} as const;
