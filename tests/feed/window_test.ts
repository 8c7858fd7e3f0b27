import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { Feed } from "../../src/feed/feed.ts";
import { aStatus, FakeJournal } from "../fakes/journal.ts";
import { seesAll } from "../fakes/sight.ts";

/** A feed under FakeTime whose followers batch. `await using` stops it. */
class FeedUnderTest {
  readonly #journal = new FakeJournal();
  readonly #feed = new Feed({ journal: this.#journal, clock: systemClock });
  readonly #stop = new AbortController();
  readonly #finished = this.#feed.run(this.#stop.signal);
  #following: Promise<void>[] = [];

  constructor(readonly time: FakeTime) {}

  /** Resolves to the batches that come, by their numbers and the time at which they came. */
  async follow(
    { since, batch = true }: { since?: number; batch?: boolean } = {},
  ): Promise<readonly (readonly [at: number, ...numbers: number[]])[]> {
    const came: (readonly [number, ...number[]])[] = [];
    const { signal } = this.#stop;
    const follower = await this.#feed.follow({ since, batch, sight: seesAll, signal });
    this.#following.push((async () => {
      for await (const each of follower) {
        if ("events" in each) came.push([Date.now(), ...each.events.map(({ seq }) => seq)]);
      }
    })());
    await this.time.runMicrotasks();
    return came;
  }

  /** Keeps and tells `count` events. */
  async publish(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.#feed.publish(aStatus());
    await this.time.runMicrotasks();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    // The sanitizer fails a test in which a timer lives on.
    await Promise.all([this.#finished, ...this.#following]);
  }
}

Deno.test("Feed tells followers that batch of the first event at once, then once a window", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const came = await test.follow();
  await time.tickAsync(1_000);
  await test.publish();
  assertEquals(came, [[1_000, 1]]);
  await time.tickAsync(5);
  await test.publish(2);
  await time.tickAsync(5);
  await test.publish();
  await time.tickAsync(9);
  assertEquals(came.length, 1);
  await time.tickAsync(1);
  assertEquals(came.slice(1), [[1_020, 2, 3, 4]]);
  await test.publish();
  await time.tickAsync(20);
  assertEquals(came.slice(2), [[1_040, 5]]);
});

Deno.test("Feed tells followers that batch at once again after a window without events", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const came = await test.follow();
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(21);
  await test.publish();
  assertEquals(came, [[1_000, 1], [1_021, 2]]);
});

Deno.test("Feed lets no follower wait that does not batch", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const came = await test.follow({ batch: false });
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(5);
  await test.publish();
  assertEquals(came, [[1_000, 1], [1_005, 2]]);
});

Deno.test("Feed has windows that grow with those who batch, up to a quarter of a second", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const followers: (readonly (readonly [number, ...number[]])[])[] = [];
  /** How long the second of two events takes, with so many followers. */
  const windowOf = async (count: number) => {
    while (followers.length < count) followers.push(await test.follow());
    await time.tickAsync(1_000);
    await test.publish(1);
    await test.publish(1);
    await time.tickAsync(1_000);
    const [first, second] = (followers[0] ?? []).slice(-2);
    return (second?.[0] ?? NaN) - (first?.[0] ?? NaN);
  };
  assertEquals(await windowOf(800), 20);
  assertEquals(await windowOf(1_000), 25);
  assertEquals(await windowOf(4_000), 100);
  assertEquals(await windowOf(10_400), 250);
});

Deno.test("Feed gives a follower that batches and comes back what it missed, all and at once", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  await test.follow();
  await time.tickAsync(1_000);
  await test.publish(5);
  await time.tickAsync(1_000);
  const came = await test.follow({ since: 2 });
  assertEquals(came, [[2_000, 3, 4, 5]]);
  await test.publish();
  assertEquals(came.slice(1), [[2_000, 6]]);
});

Deno.test("Feed tells a follower that batches and asks amid a window at its end, with the others", async () => {
  using time = new FakeTime(0);
  await using test = new FeedUnderTest(time);
  const came = await test.follow();
  await time.tickAsync(1_000);
  await test.publish();
  await time.tickAsync(5);
  await test.publish();
  const asked = await test.follow({ since: 1 });
  await time.tickAsync(14);
  assertEquals(asked, []);
  await time.tickAsync(1);
  assertEquals(asked, [[1_020, 2]]);
  assertEquals(came.slice(1), asked);
});

Deno.test("Feed has no timer while nothing happens", async () => {
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
  const feed = new Feed({ journal: new FakeJournal(), clock });
  const finished = feed.run(stop.signal);
  await feed.follow({ batch: true, sight: seesAll, signal: stop.signal });
  await time.tickAsync(10_000);
  assertEquals(timers, 0);
  await feed.publish(aStatus());
  await time.tickAsync(10_000);
  assertEquals(timers, 1);
  stop.abort();
  await finished;
});
