import { assertEquals, assertLess } from "@std/assert";
import { systemClock as clock } from "../../src/clock.ts";
import { Feed } from "../../src/feed/feed.ts";
import type { EventBus } from "../../src/feed/event_bus.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { connectTestRedis, isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";
import { allVisible } from "../fakes/visibility.ts";
import { waitUntil } from "../fakes/wait.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { createRedisBuses } from "../fakes/stores/event_bus.ts";

const ignore = !await isRedisAvailable();

/** A feed over an event log, with the events of its subscription. `await using` ends it. */
class Instance implements AsyncDisposable {
  readonly feed: Feed;
  readonly received: number[] = [];
  readonly #stop = new AbortController();
  readonly #finished: Promise<unknown>;

  constructor(eventLog: FakeEventLog, eventBus: EventBus, pollMs = 300) {
    const { signal } = this.#stop;
    this.feed = new Feed({ eventLog, clock, eventBus, pollMs });
    this.#finished = Promise.all([this.feed.run(signal), this.#subscribe(signal)]);
  }

  async #subscribe(signal: AbortSignal): Promise<void> {
    for await (
      const batch of await this.feed.subscribe({ since: 0, visibility: allVisible, signal })
    ) {
      if ("events" in batch) this.received.push(...batch.events.map(({ seq }) => seq));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}

const OUTAGES = [
  { what: "is cut", begin: (proxy: TcpProxy) => proxy.disconnect() },
  { what: "is lost behind a silent network", begin: (proxy: TcpProxy) => proxy.blackhole() },
];

for (const { what, begin } of OUTAGES) {
  Deno.test({
    name: `Feed receives each event of another instance once and in order while Redis ${what}`,
    ignore,
    async fn() {
      await using proxy = TcpProxy.to(REDIS_URL);
      await using buses = await createRedisBuses(proxy.proxiedUrl(REDIS_URL));
      const eventLog = new FakeEventLog();
      await using writer = new Instance(eventLog, await buses.addInstance());
      await using reader = new Instance(eventLog, await buses.addInstance());
      let last = 0;
      const publish = async (count: number) => {
        for (let i = 0; i < count; i++, last++) await writer.feed.publish(aStatus());
      };
      const allReceived = () =>
        waitUntil(() => reader.received.length >= last, `${last} events are received`);
      await publish(20);
      await allReceived();
      begin(proxy);
      await publish(20);
      await allReceived();
      proxy.disconnect();
      await clock.sleep(100);
      proxy.restore();
      await publish(20);
      await allReceived();
      assertEquals(reader.received, Array.from({ length: 60 }, (_, index) => index + 1));
    },
  });
}

Deno.test({
  name: "RedisEventBus resubscribes after a silent connection loss",
  ignore,
  async fn() {
    await using proxy = TcpProxy.to(REDIS_URL);
    await using buses = await createRedisBuses(proxy.proxiedUrl(REDIS_URL));
    const eventLog = new FakeEventLog();
    const never = 3_600_000;
    await using writer = new Instance(eventLog, await buses.addInstance(), never);
    await using reader = new Instance(eventLog, await buses.addInstance(), never);
    await waitUntil(async () => {
      await writer.feed.publish(aStatus());
      return reader.received.length > 0;
    }, "the wire works");
    proxy.blackhole();
    proxy.restore();
    const before = reader.received.length;
    await waitUntil(async () => {
      await writer.feed.publish(aStatus());
      await clock.sleep(100);
      return reader.received.length > before;
    }, "the wire works again");
    assertEquals(reader.received, reader.received.map((_, index) => index + 1));
  },
});

Deno.test({
  name: "RedisEventBus ignores invalid messages in its channel",
  ignore,
  async fn() {
    await using buses = await createRedisBuses();
    await using stranger = await connectTestRedis();
    const eventLog = new FakeEventLog();
    await using writer = new Instance(eventLog, await buses.addInstance());
    await using reader = new Instance(eventLog, await buses.addInstance());
    await waitUntil(
      async () => (await stranger.redis.client.pubSubChannels("test_*:events")).length > 0,
      "it listens",
    );
    for (const channel of await stranger.redis.client.pubSubChannels("test_*:events")) {
      for (
        const text of [
          "",
          "7",
          "{",
          '{"from":"x","last":"9"}',
          '{"from":"x","last":9e9}',
          '{"from":"x","last":1,"events":[null]}',
        ]
      ) {
        await stranger.redis.client.publish(channel, text);
      }
    }
    await writer.feed.publish(aStatus());
    await waitUntil(() => reader.received.length > 0, "the event is received");
    assertEquals(reader.received, [1]);
    const { reads } = eventLog;
    await clock.sleep(500);
    assertLess(eventLog.reads - reads, 3, "an unassigned number is not awaited");
  },
});
