import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { MAX_QUEUED_CHARACTERS, type QueuePolicy, SendQueue } from "../../src/feed/send_queue.ts";
import { MAX_BUFFERED_BYTES, SLOW_CLIENT_TIMEOUT_MS } from "../../src/feed/slow_client.ts";
import { FakeSink } from "./fake_sink.ts";

const FULL = MAX_BUFFERED_BYTES + 1;

function setUp(policy: QueuePolicy) {
  const sink = Object.assign(new FakeSink(), { bufferedAmount: FULL });
  return { sink, queue: new SendQueue(sink, policy) };
}

Deno.test("SendQueue.send() sends while the client has room for 64 KiB", () => {
  const { sink, queue } = setUp("all");
  sink.bufferedAmount = 64 * 1024;
  assertEquals(queue.send("1", 0), false);
  sink.bufferedAmount = 64 * 1024 + 1;
  assertEquals(queue.send("2", 0), true);
  assertEquals([sink.sent, queue.isSlow], [["1"], true]);
});

Deno.test("SendQueue.flush() sends all queued frames in order with the policy all", () => {
  const { sink, queue } = setUp("all");
  for (const frame of ["1", "2", "3"]) queue.send(frame, 0);
  assertEquals(queue.flush(1_000), "blocked");
  sink.bufferedAmount = 0;
  // A new frame does not overtake the queued ones.
  queue.send("4", 1_000);
  assertEquals(queue.flush(1_000), "drained");
  assertEquals([sink.sent, queue.isSlow], [["1", "2", "3", "4"], false]);
});

Deno.test("SendQueue.flush() sends only the latest frame with the policy latest", () => {
  const { sink, queue } = setUp("latest");
  for (const frame of ["1", "2", "3"]) queue.send(frame, 0);
  sink.bufferedAmount = 0;
  assertEquals(queue.flush(0), "drained");
  assertEquals(sink.sent, ["3"]);
  assertEquals(queue.flush(0), "drained");
});

Deno.test("SendQueue.flush() sends the frames the client has room for, and restarts the 30 s", () => {
  const { sink, queue } = setUp("all");
  sink.isStuck = true;
  for (const frame of ["1", "2", "3"]) queue.send(frame, 0);
  sink.bufferedAmount = MAX_BUFFERED_BYTES;
  assertEquals(queue.flush(SLOW_CLIENT_TIMEOUT_MS), "partial");
  assertEquals(queue.flush(2 * SLOW_CLIENT_TIMEOUT_MS - 1), "blocked");
  assertEquals(queue.flush(2 * SLOW_CLIENT_TIMEOUT_MS), "closed");
  assertEquals([sink.sent, sink.closed, queue.isSlow], [["1"], 1013, false]);
});

for (const policy of ["all", "latest"] as const) {
  Deno.test(`SendQueue.flush() closes a client that is slow for 30 s, policy ${policy}`, () => {
    const { sink, queue } = setUp(policy);
    queue.send("1", 0);
    queue.send("2", 29_999);
    assertEquals([queue.flush(29_999), sink.closed], ["blocked", undefined]);
    assertEquals([queue.flush(30_000), sink.closed], ["closed", 1013]);
    assertEquals(sink.sent, []);
  });
}

Deno.test("SendQueue.flush() closes a client with more than 16 Mi queued characters", () => {
  const { sink, queue } = setUp("all");
  queue.send("x".repeat(MAX_QUEUED_CHARACTERS), 0);
  assertEquals(queue.flush(0), "blocked");
  queue.send("x", 0);
  assertEquals([queue.flush(0), sink.closed], ["closed", 1013]);
});

Deno.test("SendQueue counts only the latest frame with the policy latest", () => {
  const { queue } = setUp("latest");
  for (const frame of ["x", "y"]) queue.send(frame.repeat(MAX_QUEUED_CHARACTERS), 0);
  assertEquals(queue.flush(0), "blocked");
});

Deno.test("SendQueue.drain() checks a slow client after 4 ms, then at most every 250 ms", async () => {
  using time = new FakeTime(0);
  const { sink, queue } = setUp("all");
  const { signal } = new AbortController();
  queue.send("1", 0);
  const draining = queue.drain({ clock: systemClock, signal });
  await time.tickAsync(3);
  sink.bufferedAmount = 0;
  assertEquals(sink.sent, []);
  await time.tickAsync(1);
  assertEquals([await draining, sink.sent], [true, ["1"]]);
  sink.bufferedAmount = FULL;
  queue.send("2", time.now);
  const drainingAgain = queue.drain({ clock: systemClock, signal });
  await time.tickAsync(10_000);
  sink.bufferedAmount = 0;
  await time.tickAsync(250);
  assertEquals([await drainingAgain, sink.sent], [true, ["1", "2"]]);
});

Deno.test("SendQueue.drain() ends when the client is closed, its frames are discarded, or the signal aborts", async () => {
  using time = new FakeTime(0);
  const stop = new AbortController();
  const options = { clock: systemClock, signal: stop.signal };
  const [slow, removed, stopped] = [setUp("all"), setUp("all"), setUp("all")];
  for (const { queue } of [slow, removed, stopped]) queue.send("1", 0);
  const results = [slow, removed].map(({ queue }) => queue.drain(options));
  removed.queue.discard();
  await time.tickAsync(31_000);
  assertEquals(await Promise.all(results), [false, true]);
  assertEquals([slow.sink.closed, removed.sink.closed, removed.sink.sent], [1013, undefined, []]);
  const draining = stopped.queue.drain(options);
  stop.abort();
  // The sanitizer fails this test if a timer remains.
  assertEquals([await draining, stopped.sink.closed], [false, undefined]);
});
