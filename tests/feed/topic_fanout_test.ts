import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Event } from "../../src/feed/event.ts";
import { Feed, type FeedOptions } from "../../src/feed/feed.ts";
import { MAX_QUEUED_CHARACTERS } from "../../src/feed/send_queue.ts";
import { MAX_BUFFERED_BYTES } from "../../src/feed/slow_client.ts";
import { TopicFanout } from "../../src/feed/topic_fanout.ts";
import { OffsetClock } from "../fakes/clock.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { CapturedLog } from "../fakes/log.ts";
import { allVisible } from "../fakes/visibility.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";
import { FakeSink } from "./fake_sink.ts";

const FULL = MAX_BUFFERED_BYTES + 1;

/** The contents of the sent messages as numbers. */
function numbers({ sent }: FakeSink): number[] {
  return sent.map((frame) => Number(JSON.parse(frame).content));
}

function aMessage(content: string): Event {
  const created_at = "2026-01-01T00:00:00.000Z";
  return { type: "message", repository: null, data: { id: "", content, user_id: "a", created_at } };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A running fan-out of messages. `await using` stops it. */
class TopicFanoutUnderTest {
  readonly eventLog = new FakeEventLog();
  readonly feed: Feed;
  readonly fanout: TopicFanout;
  readonly #stop = new AbortController();
  #finished: Promise<unknown> | undefined;
  #published = 0;

  constructor({ clock = systemClock, ...options }: Partial<FeedOptions> & { clock?: Clock } = {}) {
    this.feed = new Feed({ eventLog: this.eventLog, clock, ...options });
    this.fanout = new TopicFanout({ feed: this.feed, topics: new Set(["message"]), clock });
  }

  /** Resolves when it is subscribed to the feed. */
  async start(): Promise<this> {
    const { signal } = this.#stop;
    this.#finished = Promise.all([this.feed.run(signal), this.fanout.run(signal)]);
    await withTimeout(
      this.feed.subscribe({ visibility: allVisible, signal }),
      "the feed to be ready",
    );
    return this;
  }

  subscribe(fields: Partial<FakeSink> = {}): FakeSink {
    const sink = Object.assign(new FakeSink(), fields);
    this.fanout.subscribe(sink);
    return sink;
  }

  /** Publishes messages 1, 2, 3 … and events of other topics; resolves when `client` has received all. */
  async publish(count: number, client?: FakeSink): Promise<void> {
    for (const each of upTo(count)) {
      await this.feed.publish(aMessage(String(++this.#published)));
      if (each % 3 === 0) await this.feed.publish(aStatus());
    }
    const last = this.#published;
    if (client) {
      await waitUntil(
        () => numbers(client).at(-1) === last,
        "the client has received all messages",
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await withTimeout(this.#finished ?? Promise.resolve(), "the fan-out to stop");
  }
}

Deno.test("TopicFanout sends every client the data of each event of its topics, once and in order", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(50).map(() => test.subscribe());
  const [first] = sinks;
  await test.publish(30, first);
  for (const sink of sinks) assertEquals(numbers(sink), upTo(30));
  assertEquals(
    first?.sent[0],
    '{"id":"","content":"1","user_id":"a","created_at":"2026-01-01T00:00:00.000Z"}',
  );
});

Deno.test("TopicFanout sends a client the messages between its subscribe and unsubscribe", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const always = test.subscribe();
  await test.publish(5, always);
  const late = test.subscribe();
  await test.publish(5, late);
  test.fanout.unsubscribe(late);
  assertEquals(test.fanout.size, 1);
  await test.publish(5, always);
  assertEquals([numbers(always), numbers(late)], [upTo(15), [6, 7, 8, 9, 10]]);
});

Deno.test("TopicFanout sends each message once while clients subscribe and unsubscribe", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(1_500).map(() => test.subscribe());
  const publishing = test.publish(20, sinks[0]);
  for (const removed of sinks.slice(1_400)) {
    await systemClock.sleep(0);
    test.fanout.unsubscribe(removed);
    test.subscribe();
  }
  await publishing;
  await waitUntil(
    () => sinks.slice(0, 1_400).every(({ sent }) => sent.length >= 20),
    "all clients have received all messages",
  );
  for (const sink of sinks.slice(0, 1_400)) assertEquals(numbers(sink), upTo(20));
  for (const sink of sinks.slice(1_400)) assertEquals(numbers(sink), upTo(sink.sent.length));
});

Deno.test("TopicFanout yields to the event loop while it sends to many clients", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(2_000).map(() => test.subscribe());
  const turn = systemClock.sleep(0);
  await test.publish(1);
  await turn;
  const served = sinks.filter(({ sent }) => sent.length > 0).length;
  assert(served < sinks.length, `${served} clients were served in one turn`);
  await waitUntil(() => sinks.every(({ sent }) => sent.length === 1), "all clients are served");
});

Deno.test("TopicFanout queues frames for a slow client in order, and delays no other client", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL }), test.subscribe()];
  await test.publish(10, quick);
  assertEquals(slow.sent, []);
  slow.bufferedAmount = 0;
  // A message sent before the queue is checked again does not overtake the queued ones.
  await test.publish(1, quick);
  await waitUntil(() => slow.sent.length === 11, "the slow client has caught up");
  await test.publish(2, slow);
  assertEquals(numbers(slow), upTo(13));
  assertEquals(slow.closed, undefined);
});

Deno.test("TopicFanout sends a slow client only the frames it has room for", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL, isStuck: true }), test.subscribe()];
  await test.publish(10, quick);
  for (let received = 1; received <= 10; received++) {
    slow.bufferedAmount = MAX_BUFFERED_BYTES;
    await waitUntil(() => slow.sent.length === received, `message ${received} has arrived`);
  }
  assertEquals(numbers(slow), upTo(10));
});

Deno.test("TopicFanout closes a client that reads nothing for 30 s with 1013", async () => {
  const clock = new OffsetClock();
  await using test = await new TopicFanoutUnderTest({ clock }).start();
  const [stuck, reading, quick] = [
    test.subscribe({ bufferedAmount: FULL }),
    test.subscribe({ bufferedAmount: FULL, isStuck: true }),
    test.subscribe(),
  ];
  await test.publish(3, quick);
  clock.advance(20_000);
  reading.bufferedAmount = MAX_BUFFERED_BYTES;
  await waitUntil(() => reading.sent.length === 1, "one client has read a frame");
  assertEquals([stuck.closed, reading.closed], [undefined, undefined]);
  clock.advance(10_000);
  await waitUntil(() => stuck.closed !== undefined, "the other client is closed");
  assertEquals([stuck.closed, stuck.sent, reading.closed], [1013, [], undefined]);
  assertEquals(test.fanout.size, 2);
  await test.publish(1, quick);
});

Deno.test("TopicFanout closes a client whose queue is too large", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL }), test.subscribe()];
  const content = "x".repeat(MAX_QUEUED_CHARACTERS / 4);
  for (let times = 0; times < 3; times++) await test.feed.publish(aMessage(content));
  await waitUntil(() => quick.sent.length === 3, "the messages have arrived");
  await systemClock.sleep(300);
  assertEquals(slow.closed, undefined);
  await test.feed.publish(aMessage(content));
  await waitUntil(() => slow.closed === 1013, "the client is closed");
  assertEquals(test.fanout.size, 1);
});

Deno.test("TopicFanout resumes after a failed read", async () => {
  await using log = await new CapturedLog().start();
  const replayLimits = { events: 0, characters: 0 };
  await using test = await new TopicFanoutUnderTest({ replayLimits }).start();
  const sink = test.subscribe();
  await test.publish(3, sink);
  const stored = await test.eventLog.append([aMessage("4"), aMessage("5")]);
  test.eventLog.error = new Error("connection lost");
  test.feed.emit(stored);
  await waitUntil(() => log.lines.join().includes("connection lost"), "the read has failed");
  test.eventLog.error = undefined;
  await waitUntil(() => sink.sent.length === 5, "the messages have arrived");
  assertEquals(numbers(sink), upTo(5));
});

Deno.test("TopicFanout closes its clients after a gap", async () => {
  const replayLimits = { events: 0, characters: 0 };
  await using test = await new TopicFanoutUnderTest({ replayLimits }).start();
  const sink = test.subscribe();
  const stored = await test.eventLog.append([aMessage("1"), aMessage("2")]);
  await test.eventLog.prune({ before: 0, count: 0 });
  test.feed.emit(stored);
  await waitUntil(() => sink.closed !== undefined, "the client is closed");
  assertEquals([sink.closed, sink.sent, test.fanout.size], [1013, [], 0]);
  const back = test.subscribe();
  await test.publish(1, back);
  assert(back.closed === undefined);
});
