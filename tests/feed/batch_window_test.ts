import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { Feed } from "../../src/feed/feed.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { allVisible } from "../fakes/visibility.ts";

/** A feed under FakeTime with batching subscriptions. `await using` stops it. */
class FeedUnderTest {
  readonly #eventLog = new FakeEventLog();
  readonly #feed = new Feed({ eventLog: this.#eventLog, clock: systemClock });
  readonly #stop = new AbortController();
  readonly #finished = this.#feed.run(this.#stop.signal);
  #reading: Promise<void>[] = [];

  constructor(readonly time: FakeTime) {}

  /** Resolves to the received batches, each as its time of arrival and its numbers. */
  async subscribe(
    { since, batch = true }: { since?: number; batch?: boolean } = {},
  ): Promise<readonly (readonly [at: number, ...numbers: number[]])[]> {
    const received: (readonly [number, ...number[]])[] = [];
    const { signal } = this.#stop;
    const subscription = await this.#feed.subscribe({
      since,
      batch,
      visibility: allVisible,
      signal,
    });
    this.#reading.push((async () => {
      for await (const batch of subscription) {
        if ("events" in batch) received.push([Date.now(), ...batch.events.map(({ seq }) => seq)]);
      }
    })());
    await this.time.runMicrotasks();
    return received;
  }

  /** Publishes `count` events. */
  async publish(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.#feed.publish(aStatus());
    await this.time.runMicrotasks();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // The sanitizer fails a test if a timer remains.
    await Promise.all([this.#finished, ...this.#reading]);
  }
}

Deno.test("Feed sends the first event to batching subscriptions immediately, then once per window", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const received = await test.subscribe();
  await time.tickAsync(1_000);
  await test.publish();
  assertEquals(received, [[1_000, 1]]);
  await time.tickAsync(5);
  await test.publish(2);
  await time.tickAsync(5);
  await test.publish();
  await time.tickAsync(9);
  assertEquals(received.length, 1);
  await time.tickAsync(1);
  assertEquals(received.slice(1), [[1_020, 2, 3, 4]]);
  await test.publish();
  await time.tickAsync(20);
  assertEquals(received.slice(2), [[1_040, 5]]);
});

Deno.test("Feed sends to batching subscriptions immediately after a window without events", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const received = await test.subscribe();
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(21);
  await test.publish();
  assertEquals(received, [[1_000, 1], [1_021, 2]]);
});

Deno.test("Feed sends to subscriptions that do not batch immediately", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const received = await test.subscribe({ batch: false });
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(5);
  await test.publish();
  assertEquals(received, [[1_000, 1], [1_005, 2]]);
});

Deno.test("Feed extends the window with the number of batching subscriptions, up to 250 ms", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const subscriptions: (readonly (readonly [number, ...number[]])[])[] = [];
  /** Returns the delay of the second of two events with `count` subscriptions. */
  const measureWindow = async (count: number) => {
    while (subscriptions.length < count) subscriptions.push(await test.subscribe());
    await time.tickAsync(1_000);
    await test.publish(1);
    await test.publish(1);
    await time.tickAsync(1_000);
    const [first, second] = (subscriptions[0] ?? []).slice(-2);
    return (second?.[0] ?? NaN) - (first?.[0] ?? NaN);
  };
  assertEquals(await measureWindow(800), 20);
  assertEquals(await measureWindow(1_000), 25);
  assertEquals(await measureWindow(4_000), 100);
  assertEquals(await measureWindow(10_400), 250);
});

Deno.test("Feed replays missed events to a batching subscription immediately, in one batch", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  await test.subscribe();
  await time.tickAsync(1_000);
  await test.publish(5);
  await time.tickAsync(1_000);
  const received = await test.subscribe({ since: 2 });
  assertEquals(received, [[2_000, 3, 4, 5]]);
  await test.publish();
  assertEquals(received.slice(1), [[2_000, 6]]);
});

Deno.test("Feed sends to a batching subscription made during a window when the window ends", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const received = await test.subscribe();
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(5);
  await test.publish();
  const fromStart = await test.subscribe({ since: 1 });
  await time.tickAsync(14);
  assertEquals(fromStart, []);
  await time.tickAsync(1);
  assertEquals(fromStart, [[1_020, 2]]);
  assertEquals(received.slice(1), fromStart);
});

Deno.test("Feed sets no timer while there are no events", async () => {
  using time = new FakeTime(0);
  let timers = 0;
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => {
      timers++;
      return systemClock.sleep(ms, signal);
    },
  };
  const stop = new AbortController();
  const feed = new Feed({ eventLog: new FakeEventLog(), clock });
  const finished = feed.run(stop.signal);
  await feed.subscribe({ batch: true, visibility: allVisible, signal: stop.signal });
  await time.tickAsync(10_000);
  assertEquals(timers, 0);
  await feed.publish(aStatus());
  await time.tickAsync(10_000);
  assertEquals(timers, 1);
  stop.abort();
  await finished;
});
