import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import type { Batch } from "../../src/feed/subscription.ts";
import { sendEvents } from "../../src/feed/send_events.ts";
import { MAX_BUFFERED_BYTES, type Sink } from "../../src/feed/slow_client.ts";

/** A client that reads nothing until its test says so. */
class FakeSink implements Sink {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closed: number | undefined;

  send(frame: string): void {
    this.sent.push(frame);
    this.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  }

  close(code: number): void {
    this.closed = code;
  }
}

/** A follower that counts how many batches it was asked for. */
class FakeSubscription implements AsyncIterable<Batch> {
  asked = 0;

  constructor(readonly batches: readonly Batch[]) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (const batch of this.batches) {
      this.asked++;
      yield await Promise.resolve(batch);
    }
  }
}

function anEvent(seq: number): Batch {
  return { events: [{ seq, type: "status", repository: null, json: String(seq), bytes: 1 }] };
}

function setUp(batches: readonly Batch[], snapshot?: string) {
  const sink = new FakeSink();
  const subscription = new FakeSubscription(batches);
  const disconnect = new AbortController();
  const finished = sendEvents(subscription, {
    sink,
    clock: systemClock,
    signal: disconnect.signal,
    snapshot: () => Promise.resolve(snapshot),
  });
  return { sink, follower: subscription, leave: disconnect, finished };
}

Deno.test("forward() lets the follower wait while its client is behind", async () => {
  using time = new FakeTime(0);
  const { sink, follower: subscription, finished } = setUp([1, 2, 3].map(anEvent));
  await time.tickAsync(10_000);
  assertEquals(sink.sent, ["1"]);
  assertEquals(subscription.asked, 2);
  sink.bufferedAmount = MAX_BUFFERED_BYTES;
  await time.tickAsync(250);
  assertEquals(sink.sent, ["1", "2"]);
  sink.bufferedAmount = 0;
  await time.tickAsync(250);
  await finished;
  assertEquals(sink.sent, ["1", "2", "3"]);
});

Deno.test("forward() closes a client with 1013 that stays behind for 30 s", async () => {
  using time = new FakeTime(0);
  const { sink, finished } = setUp([1, 2, 3].map(anEvent));
  await time.tickAsync(29_000);
  sink.bufferedAmount = 0;
  await time.tickAsync(250);
  assertEquals(sink.sent, ["1", "2"]);
  await time.tickAsync(29_500);
  assertEquals(sink.closed, undefined);
  await time.tickAsync(1_000);
  assertEquals(sink.closed, 1013);
  await finished;
  assertEquals(sink.sent, ["1", "2"]);
});

Deno.test("forward() sends nothing more to a client that has left", async () => {
  using time = new FakeTime(0);
  const { sink, leave: disconnect, finished } = setUp([1, 2].map(anEvent));
  await time.tickAsync(100);
  disconnect.abort();
  // The sanitizer fails this test if a timer lives on.
  await finished;
  assertEquals(sink.sent, ["1"]);
  assertEquals(sink.closed, undefined);
});

Deno.test("forward() sends a gap, then the snapshot, each when there is room", async () => {
  using time = new FakeTime(0);
  const gap = { since: 1, first: 4, last: 9 };
  const { sink, finished } = setUp([{ gap }], "a snapshot");
  await time.tickAsync(1_000);
  assertEquals(sink.sent, ['{"type":"gap","since":1,"first":4,"last":9}']);
  sink.bufferedAmount = 0;
  await time.tickAsync(250);
  await finished;
  assertEquals(sink.sent.slice(1), ["a snapshot"]);
});
