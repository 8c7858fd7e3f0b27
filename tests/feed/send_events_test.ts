import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import type { Batch } from "../../src/feed/subscription.ts";
import { sendEvents } from "../../src/feed/send_events.ts";
import { MAX_BUFFERED_BYTES } from "../../src/feed/slow_client.ts";
import { FakeSink } from "./fake_sink.ts";

/** A client without room after each frame. The test makes room. */
class SlowSink extends FakeSink {
  override send(frame: string): void {
    super.send(frame);
    this.bufferedAmount = MAX_BUFFERED_BYTES + 1;
  }
}

/** Counts the batches that were requested. */
class FakeSubscription implements AsyncIterable<Batch> {
  requested = 0;

  constructor(readonly batches: readonly Batch[]) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (const batch of this.batches) {
      this.requested++;
      yield await Promise.resolve(batch);
    }
  }
}

function anEvent(seq: number): Batch {
  return { events: [{ seq, type: "status", repository: null, json: String(seq), bytes: 1 }] };
}

function setUp(batches: readonly Batch[], snapshot?: string) {
  const sink = new SlowSink();
  const subscription = new FakeSubscription(batches);
  const disconnect = new AbortController();
  const finished = sendEvents(subscription, {
    sink,
    clock: systemClock,
    signal: disconnect.signal,
    encodeSnapshot: () => Promise.resolve(snapshot),
  });
  return { sink, subscription, disconnect, finished };
}

Deno.test("sendEvents() pauses the subscription while the client is slow", async () => {
  using time = new FakeTime(0);
  const { sink, subscription, finished } = setUp([1, 2, 3].map(anEvent));
  await time.tickAsync(10_000);
  assertEquals(sink.sent, ["1"]);
  assertEquals(subscription.requested, 2);
  sink.bufferedAmount = MAX_BUFFERED_BYTES;
  await time.tickAsync(250);
  assertEquals(sink.sent, ["1", "2"]);
  sink.bufferedAmount = 0;
  await time.tickAsync(250);
  await finished;
  assertEquals(sink.sent, ["1", "2", "3"]);
});

Deno.test("sendEvents() closes a client that is slow for 30 s with 1013", async () => {
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

Deno.test("sendEvents() stops when the client disconnects", async () => {
  using time = new FakeTime(0);
  const { sink, disconnect, finished } = setUp([1, 2].map(anEvent));
  await time.tickAsync(100);
  disconnect.abort();
  // The sanitizer fails this test if a timer remains.
  await finished;
  assertEquals(sink.sent, ["1"]);
  assertEquals(sink.closed, undefined);
});

Deno.test("sendEvents() sends a gap, then the snapshot, each when there is room", async () => {
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
