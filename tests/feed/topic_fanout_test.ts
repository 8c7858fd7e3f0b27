import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Event } from "../../src/feed/event.ts";
import { Feed, type FeedOptions } from "../../src/feed/feed.ts";
import { MAX_QUEUED_CHARACTERS } from "../../src/feed/send_queue.ts";
import { MAX_BUFFERED_BYTES, type Sink } from "../../src/feed/slow_client.ts";
import { TopicFanout } from "../../src/feed/topic_fanout.ts";
import { OffsetClock } from "../fakes/clock.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { CapturedLog } from "../fakes/log.ts";
import { allVisible } from "../fakes/visibility.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

const FULL = MAX_BUFFERED_BYTES + 1;

class FakeSink implements Sink {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closed: number | undefined;
  /** Whether nothing leaves any more. */
  isStuck = false;

  send(frame: string): void {
    this.sent.push(frame);
    if (this.isStuck) this.bufferedAmount += frame.length;
  }

  close(code: number): void {
    this.closed = code;
  }

  /** The contents of what was sent, as numbers. */
  get numbers(): number[] {
    return this.sent.map((frame) => Number(JSON.parse(frame).content));
  }
}

function aMessage(content: string): Event {
  const created_at = "2026-01-01T00:00:00.000Z";
  return { type: "message", repository: null, data: { id: "", content, user_id: "a", created_at } };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A running relay of messages. `await using` stops it. */
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

  /** Resolves when it relays. */
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

  /** Says 1, 2, 3 … , with events of other topics between; resolves when `listener` has heard all. */
  async publish(count: number, listener?: FakeSink): Promise<void> {
    for (const each of upTo(count)) {
      await this.feed.publish(aMessage(String(++this.#published)));
      if (each % 3 === 0) await this.feed.publish(aStatus());
    }
    const last = this.#published;
    if (listener) await waitUntil(() => listener.numbers.at(-1) === last, "all is heard");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await withTimeout(this.#finished ?? Promise.resolve(), "the relay to stop");
  }
}

Deno.test("Relay sends every client the data of each event of its topics, once and in order", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(50).map(() => test.subscribe());
  const [first] = sinks;
  await test.publish(30, first);
  for (const { numbers } of sinks) assertEquals(numbers, upTo(30));
  assertEquals(
    first?.sent[0],
    '{"id":"","content":"1","user_id":"a","created_at":"2026-01-01T00:00:00.000Z"}',
  );
});

Deno.test("Relay sends a client what is said between its joining and its leaving", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const always = test.subscribe();
  await test.publish(5, always);
  const late = test.subscribe();
  await test.publish(5, late);
  test.fanout.unsubscribe(late);
  assertEquals(test.fanout.size, 1);
  await test.publish(5, always);
  assertEquals([always.numbers, late.numbers], [upTo(15), [6, 7, 8, 9, 10]]);
});

Deno.test("Relay sends more than one turn's worth to each once, though some join and leave meanwhile", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(1_500).map(() => test.subscribe());
  const saying = test.publish(20, sinks[0]);
  for (const gone of sinks.slice(1_400)) {
    await systemClock.sleep(0);
    test.fanout.unsubscribe(gone);
    test.subscribe();
  }
  await saying;
  await waitUntil(
    () => sinks.slice(0, 1_400).every(({ sent }) => sent.length >= 20),
    "all have it",
  );
  for (const { numbers } of sinks.slice(0, 1_400)) assertEquals(numbers, upTo(20));
  for (const { numbers } of sinks.slice(1_400)) assertEquals(numbers, upTo(numbers.length));
});

Deno.test("Relay lets everything else have its turn while it sends to many", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const sinks = upTo(2_000).map(() => test.subscribe());
  const turn = systemClock.sleep(0);
  await test.publish(1);
  await turn;
  const served = sinks.filter(({ sent }) => sent.length > 0).length;
  assert(served < sinks.length, `${served} were served in one turn`);
  await waitUntil(() => sinks.every(({ sent }) => sent.length === 1), "all are served");
});

Deno.test("Relay holds what a client has no room for, in order, and delays no other", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL }), test.subscribe()];
  await test.publish(10, quick);
  assertEquals(slow.sent, []);
  slow.bufferedAmount = 0;
  // What is said before it is looked at again does not overtake what is held.
  await test.publish(1, quick);
  await waitUntil(() => slow.sent.length === 11, "it has caught up");
  await test.publish(2, slow);
  assertEquals(slow.numbers, upTo(13));
  assertEquals(slow.closed, undefined);
});

Deno.test("Relay sends a client that reads a little no more than there is room for", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL, isStuck: true }), test.subscribe()];
  await test.publish(10, quick);
  for (let heard = 1; heard <= 10; heard++) {
    slow.bufferedAmount = MAX_BUFFERED_BYTES;
    await waitUntil(() => slow.sent.length === heard, `message ${heard} has come`);
  }
  assertEquals(slow.numbers, upTo(10));
});

Deno.test("Relay closes a client that takes nothing for 30 s, with 1013", async () => {
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
  await waitUntil(() => reading.sent.length === 1, "one has read something");
  assertEquals([stuck.closed, reading.closed], [undefined, undefined]);
  clock.advance(10_000);
  await waitUntil(() => stuck.closed !== undefined, "the other is closed");
  assertEquals([stuck.closed, stuck.sent, reading.closed], [1013, [], undefined]);
  assertEquals(test.fanout.size, 2);
  await test.publish(1, quick);
});

Deno.test("Relay closes a client at once for which too much is held", async () => {
  await using test = await new TopicFanoutUnderTest().start();
  const [slow, quick] = [test.subscribe({ bufferedAmount: FULL }), test.subscribe()];
  const content = "x".repeat(MAX_QUEUED_CHARACTERS / 4);
  for (let times = 0; times < 3; times++) await test.feed.publish(aMessage(content));
  await waitUntil(() => quick.sent.length === 3, "they are told");
  await systemClock.sleep(300);
  assertEquals(slow.closed, undefined);
  await test.feed.publish(aMessage(content));
  await waitUntil(() => slow.closed === 1013, "it is closed");
  assertEquals(test.fanout.size, 1);
});

Deno.test("Relay goes on where it was when events cannot be read for a while", async () => {
  await using log = await new CapturedLog().start();
  const recent = { events: 0, characters: 0 };
  await using test = await new TopicFanoutUnderTest({ replayLimits: recent }).start();
  const sink = test.subscribe();
  await test.publish(3, sink);
  const stored = await test.eventLog.append([aMessage("4"), aMessage("5")]);
  test.eventLog.error = new Error("gone away");
  test.feed.emit(stored);
  await waitUntil(() => log.lines.join().includes("gone away"), "it has failed");
  test.eventLog.error = undefined;
  await waitUntil(() => sink.sent.length === 5, "it goes on");
  assertEquals(sink.numbers, upTo(5));
});

Deno.test("Relay sends its clients away when something was missed", async () => {
  const recent = { events: 0, characters: 0 };
  await using test = await new TopicFanoutUnderTest({ replayLimits: recent }).start();
  const sink = test.subscribe();
  const stored = await test.eventLog.append([aMessage("1"), aMessage("2")]);
  await test.eventLog.prune({ before: 0, count: 0 });
  test.feed.emit(stored);
  await waitUntil(() => sink.closed !== undefined, "it is closed");
  assertEquals([sink.closed, sink.sent, test.fanout.size], [1013, [], 0]);
  const back = test.subscribe();
  await test.publish(1, back);
  assert(back.closed === undefined);
});
