import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { Feed, type FeedOptions } from "../../src/feed/feed.ts";
import type { Batch, Subscription, SubscriptionOptions } from "../../src/feed/subscription.ts";
import { runEvent } from "../../src/run/event.ts";
import { aRun } from "../fakes/stores/github.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { allVisible } from "../fakes/visibility.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

/** A running feed over a journal in memory. `await using` stops it and every follower. */
class FeedUnderTest {
  readonly eventLog = new FakeEventLog();
  readonly feed: Feed;
  readonly #stop = new AbortController();
  #finished: Promise<void> | undefined;

  constructor(options: Partial<FeedOptions> = {}) {
    this.feed = new Feed({ eventLog: this.eventLog, clock: systemClock, ...options });
  }

  start(): this {
    this.#finished = this.feed.run(this.#stop.signal);
    return this;
  }

  /** Keeps `count` events, of which nobody is told. */
  async append(count: number): Promise<readonly StoredEvent[]> {
    return await this.eventLog.append(Array.from({ length: count }, () => aStatus()));
  }

  async subscribe(since?: number, options: Partial<SubscriptionOptions> = {}): Promise<Reader> {
    const signal = this.#stop.signal;
    const subscribing = this.feed.subscribe({ visibility: allVisible, signal, ...options, since });
    return new Reader(await withTimeout(subscribing, "the feed to be ready"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }
}

/** Reads a follower batch by batch. */
class Reader {
  readonly #batches: AsyncIterator<Batch>;

  constructor(readonly subscription: Subscription) {
    this.#batches = subscription[Symbol.asyncIterator]();
  }

  /** The numbers of the next batch, or its gap. */
  async next(): Promise<number[] | object> {
    const { value } = await withTimeout(this.#batches.next(), "a batch");
    return "gap" in value ? value.gap : value.events.map((event: { seq: number }) => event.seq);
  }
}

Deno.test("Feed.publish() keeps an event, and encodes it once for all followers", async () => {
  await using test = new FeedUnderTest().start();
  const [a, b] = [await test.subscribe(), await test.subscribe()];
  const [ofA, ofB] = [a, b].map(({ subscription }) => subscription[Symbol.asyncIterator]().next());
  await test.feed.publish(runEvent(aRun()));
  const [first, second] = [(await ofA)?.value, (await ofB)?.value];
  assert(first && "events" in first && second && "events" in second);
  assertEquals(first.events[0], second.events[0]);
  assert(first.events[0] === second.events[0]);
  const { json = "", bytes, ...event } = first.events[0] ?? {};
  assertEquals(bytes, new TextEncoder().encode(json).byteLength);
  assertEquals(event, { seq: 1, type: "run", repository: "octo/a" });
  assertEquals(Object.keys(JSON.parse(json)), ["seq", "type", "at", "repository", "data"]);
  assertEquals((await test.eventLog.readAfter(0, 10)).length, 1);
});

Deno.test("Feed.publish() tells nobody of what the journal did not keep", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  test.eventLog.error = new Error("disk full");
  await assertRejects(() => test.feed.publish(aStatus()), Error, "disk full");
  assertEquals(test.feed.lastSeq, 0);
});

Deno.test("Feed.follow() waits until the last number is known, and begins after it", async () => {
  const test = new FeedUnderTest();
  await using _stopped = test;
  await test.append(4);
  const subscribing = test.subscribe();
  test.start();
  const reader = await subscribing;
  assertEquals(reader.subscription.lastSeq, 4);
  test.feed.emit(await test.append(1));
  assertEquals(await reader.next(), [5]);
});

Deno.test("Feed.follow() hears what is told before the last number is known", async () => {
  const test = new FeedUnderTest();
  await using _stopped = test;
  await test.append(3);
  const subscribing = test.subscribe();
  await test.append(1);
  test.feed.emit(await test.append(1));
  test.start();
  const reader = await subscribing;
  assertEquals(await reader.next(), [5]);
  const [late, last] = [await test.append(1), await test.append(1)];
  test.feed.emit([...last, ...late]);
  assertEquals(await reader.next(), [6, 7]);
  assertEquals((await test.subscribe()).subscription.lastSeq, 7);
});

Deno.test("Feed.tell() shows events in order, however they are told", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe();
  const [first, second, third] = await test.append(3);
  assert(first && second && third);
  test.feed.emit([third]);
  assertEquals(test.feed.lastSeq, 0);
  test.feed.emit([first]);
  assertEquals(await reader.next(), [1]);
  test.feed.emit([second, first]);
  assertEquals(await reader.next(), [2, 3]);
  assertEquals(test.feed.lastSeq, 3);
});

Deno.test("Feed reads from the journal what was never told", async () => {
  await using test = new FeedUnderTest({ pageSize: 2 }).start();
  const reader = await test.subscribe();
  await test.append(4);
  test.feed.emit(await test.append(1));
  assertEquals(await reader.next(), [1, 2]);
  assertEquals(await reader.next(), [3, 4]);
  assertEquals(await reader.next(), [5]);
});

Deno.test("Feed goes on when the journal answers again", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe();
  await test.append(1);
  const stored = await test.append(1);
  test.eventLog.error = new Error("gone away");
  test.feed.emit(stored);
  await waitUntil(() => test.eventLog.reads > 0, "the journal was asked");
  assertEquals(test.feed.lastSeq, 0);
  test.eventLog.error = undefined;
  assertEquals(await reader.next(), [1, 2]);
});

Deno.test("Feed.follow() replays what is kept: the latest from memory, the older from the journal", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 3, characters: 10_000 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(10));
  assertEquals(await (await test.subscribe(7)).next(), [8, 9, 10]);
  assertEquals(test.eventLog.reads, 0);
  assertEquals(await (await test.subscribe(6)).next(), [7, 8, 9, 10]);
  assertEquals(test.eventLog.reads, 1);
});

Deno.test("Feed keeps no more characters in memory than it may", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 100, characters: 250 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(10));
  assertEquals(await (await test.subscribe(8)).next(), [9, 10]);
  assertEquals(test.eventLog.reads, 0);
  assertEquals(await (await test.subscribe(7)).next(), [8, 9, 10]);
  assertEquals(test.eventLog.reads, 1);
});

Deno.test("Feed.follow() says what is no longer kept, and goes on from the present", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 2, characters: 10_000 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(10));
  await test.eventLog.prune({ before: 0, count: 4 });
  assertEquals(await (await test.subscribe(6)).next(), [7, 8, 9, 10]);
  const reader = await test.subscribe(5);
  assertEquals(await reader.next(), { since: 5, first: 7, last: 10 });
  const next = reader.next();
  test.feed.emit(await test.append(1));
  assertEquals(await next, [11]);
});

Deno.test("Feed.follow() says so when a number was never given", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  test.feed.emit(await test.append(2));
  const reader = await test.subscribe(3);
  assertEquals(await reader.next(), { since: 3, first: 1, last: 2 });
  const next = reader.next();
  test.feed.emit(await test.append(1));
  assertEquals(await next, [3]);
});

Deno.test("Feed.follow() takes a number that only another instance has told so far", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  await test.append(2);
  const reader = await test.subscribe(2);
  const next = reader.next();
  await waitUntil(() => test.feed.lastSeq === 2, "the feed has caught up");
  test.feed.emit(await test.append(1));
  assertEquals(await next, [3]);
});

Deno.test("Follower hears only the topics and the repository that it wants, and every status", async () => {
  await using test = new FeedUnderTest().start();
  const runs = await test.subscribe(undefined, { topics: new Set(["run"]) });
  const ofB = await test.subscribe(undefined, { repository: "Octo/B" });
  const runsOfA = await test.subscribe(undefined, {
    topics: new Set(["run"]),
    repository: "octo/a",
  });
  test.feed.emit(
    await test.eventLog.append([
      runEvent(aRun({ repository: "octo/a" })),
      runEvent(aRun({ repository: "octo/B" })),
      aStatus(),
    ]),
  );
  assertEquals(await runs.next(), [1, 2]);
  assertEquals(await ofB.next(), [2, 3]);
  assertEquals(await runsOfA.next(), [1]);
});

Deno.test("Follower.position moves past what it does not want, and only when it asks for more", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe(undefined, { topics: new Set(["run"]) });
  test.feed.emit(await test.eventLog.append([runEvent(aRun())]));
  assertEquals(await reader.next(), [1]);
  assertEquals(reader.subscription.lastSeq, 0);
  const next = reader.next();
  test.feed.emit(await test.eventLog.append([aStatus()]));
  await waitUntil(() => reader.subscription.lastSeq === 2, "the status was passed over");
  test.feed.emit(await test.eventLog.append([runEvent(aRun())]));
  assertEquals(await next, [3]);
});

Deno.test("Follower throws what the journal throws", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 0, characters: 0 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(1));
  const reader = await test.subscribe(0);
  test.eventLog.error = new Error("gone away");
  await assertRejects(() => reader.next(), Error, "gone away");
});

Deno.test("Follower hears of what it may see, and of what belongs to no repository", async () => {
  await using test = new FeedUnderTest().start();
  const ofB = await test.subscribe(0, { visibility: () => Promise.resolve(new Set(["octo/b"])) });
  const ofNone = await test.subscribe(0, { visibility: () => Promise.resolve(new Set()) });
  for (const repository of ["octo/a", "Octo/B", "octo/bb"]) {
    await test.feed.publish(runEvent(aRun({ repository })));
  }
  await test.feed.publish(aStatus());
  assertEquals(await ofB.next(), [2, 4]);
  assertEquals(await ofNone.next(), [4]);
});

Deno.test("Follower asks before each batch what it may see, and waits for the answer", async () => {
  await using test = new FeedUnderTest().start();
  const answers: PromiseWithResolvers<ReadonlySet<string>>[] = [];
  const sight = () => {
    answers.push(Promise.withResolvers());
    return answers.at(-1)?.promise ?? Promise.reject();
  };
  const reader = await test.subscribe(0, { visibility: sight });
  const publish = () => test.feed.publish(runEvent(aRun({ repository: "octo/a" })));
  await publish();
  const first = reader.next();
  await waitUntil(() => answers.length === 1, "it has asked");
  let hasCome = false;
  void first.then(() => hasCome = true);
  await publish();
  assertEquals(hasCome, false);
  answers[0]?.resolve(new Set(["octo/a"]));
  assertEquals(await first, [1]);
  // What is hidden meanwhile is passed over for good.
  const second = reader.next();
  await waitUntil(() => answers.length === 2, "it has asked again");
  answers[1]?.resolve(new Set());
  await publish();
  await waitUntil(() => answers.length === 3, "it has gone on");
  assertEquals(reader.subscription.lastSeq, 2);
  answers[2]?.resolve(new Set(["octo/a"]));
  assertEquals(await second, [3]);
});

Deno.test("Follower throws what is thrown at the question what it may see, and tells nothing", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe(0, {
    visibility: () => Promise.reject(new TypeError("unknown")),
  });
  await test.feed.publish(aStatus());
  await assertRejects(() => reader.next(), TypeError, "unknown");
});
