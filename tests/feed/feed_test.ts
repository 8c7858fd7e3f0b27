import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { Feed, type FeedOptions } from "../../src/feed/feed.ts";
import type { Batch, Subscription, SubscriptionOptions } from "../../src/feed/subscription.ts";
import { toRunEvent } from "../../src/run/event.ts";
import { aRun } from "../fakes/stores/github.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { allVisible } from "../fakes/visibility.ts";
import { waitUntil, withTimeout } from "../fakes/wait.ts";

/** A running feed over an event log in memory. `await using` stops it and its subscriptions. */
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

  /** Appends `count` events to the event log without emitting them. */
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

/** Reads a subscription batch by batch. */
class Reader {
  readonly #batches: AsyncIterator<Batch>;

  constructor(readonly subscription: Subscription) {
    this.#batches = subscription[Symbol.asyncIterator]();
  }

  /** Returns the numbers of the next batch, or its gap. */
  async next(): Promise<number[] | object> {
    const { value } = await withTimeout(this.#batches.next(), "a batch");
    return "gap" in value ? value.gap : value.events.map((event: { seq: number }) => event.seq);
  }
}

Deno.test("Feed.publish() stores an event and encodes it once for all subscriptions", async () => {
  await using test = new FeedUnderTest().start();
  const [a, b] = [await test.subscribe(), await test.subscribe()];
  const [ofA, ofB] = [a, b].map(({ subscription }) => subscription[Symbol.asyncIterator]().next());
  await test.feed.publish(toRunEvent(aRun()));
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

Deno.test("Feed.publish() emits nothing if the event log fails", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  test.eventLog.error = new Error("disk full");
  await assertRejects(() => test.feed.publish(aStatus()), Error, "disk full");
  assertEquals(test.feed.lastSeq, 0);
});

Deno.test("Feed.subscribe() waits until the last number is known, and starts after it", async () => {
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

Deno.test("Feed.subscribe() includes events emitted before the last number is known", async () => {
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

Deno.test("Feed.emit() makes events readable in order, whatever the order of the calls", async () => {
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

Deno.test("Feed reads events that were never emitted from the event log", async () => {
  await using test = new FeedUnderTest({ pageSize: 2 }).start();
  const reader = await test.subscribe();
  await test.append(4);
  test.feed.emit(await test.append(1));
  assertEquals(await reader.next(), [1, 2]);
  assertEquals(await reader.next(), [3, 4]);
  assertEquals(await reader.next(), [5]);
});

Deno.test("Feed continues after a failure of the event log", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe();
  await test.append(1);
  const stored = await test.append(1);
  test.eventLog.error = new Error("connection lost");
  test.feed.emit(stored);
  await waitUntil(() => test.eventLog.reads > 0, "the event log was read");
  assertEquals(test.feed.lastSeq, 0);
  test.eventLog.error = undefined;
  assertEquals(await reader.next(), [1, 2]);
});

Deno.test("Feed.subscribe() replays recent events from memory, older ones from the event log", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 3, characters: 10_000 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(10));
  assertEquals(await (await test.subscribe(7)).next(), [8, 9, 10]);
  assertEquals(test.eventLog.reads, 0);
  assertEquals(await (await test.subscribe(6)).next(), [7, 8, 9, 10]);
  assertEquals(test.eventLog.reads, 1);
});

Deno.test("Feed limits the characters in memory", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 100, characters: 250 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(10));
  assertEquals(await (await test.subscribe(8)).next(), [9, 10]);
  assertEquals(test.eventLog.reads, 0);
  assertEquals(await (await test.subscribe(7)).next(), [8, 9, 10]);
  assertEquals(test.eventLog.reads, 1);
});

Deno.test("Feed.subscribe() reports deleted events as a gap, and continues from the present", async () => {
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

Deno.test("Feed.subscribe() reports a gap if the number was never assigned", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  test.feed.emit(await test.append(2));
  const reader = await test.subscribe(3);
  assertEquals(await reader.next(), { since: 3, first: 1, last: 2 });
  const next = reader.next();
  test.feed.emit(await test.append(1));
  assertEquals(await next, [3]);
});

Deno.test("Feed.subscribe() accepts a number that only another instance has emitted", async () => {
  await using test = new FeedUnderTest().start();
  await test.subscribe();
  await test.append(2);
  const reader = await test.subscribe(2);
  const next = reader.next();
  await waitUntil(() => test.feed.lastSeq === 2, "the feed has caught up");
  test.feed.emit(await test.append(1));
  assertEquals(await next, [3]);
});

Deno.test("Subscription yields only its topics and repository, and every status", async () => {
  await using test = new FeedUnderTest().start();
  const runs = await test.subscribe(undefined, { topics: new Set(["run"]) });
  const ofB = await test.subscribe(undefined, { repository: "Octo/B" });
  const runsOfA = await test.subscribe(undefined, {
    topics: new Set(["run"]),
    repository: "octo/a",
  });
  test.feed.emit(
    await test.eventLog.append([
      toRunEvent(aRun({ repository: "octo/a" })),
      toRunEvent(aRun({ repository: "octo/B" })),
      aStatus(),
    ]),
  );
  assertEquals(await runs.next(), [1, 2]);
  assertEquals(await ofB.next(), [2, 3]);
  assertEquals(await runsOfA.next(), [1]);
});

Deno.test("Subscription.lastSeq advances past filtered events, and only when more is requested", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe(undefined, { topics: new Set(["run"]) });
  test.feed.emit(await test.eventLog.append([toRunEvent(aRun())]));
  assertEquals(await reader.next(), [1]);
  assertEquals(reader.subscription.lastSeq, 0);
  const next = reader.next();
  test.feed.emit(await test.eventLog.append([aStatus()]));
  await waitUntil(() => reader.subscription.lastSeq === 2, "the status was skipped");
  test.feed.emit(await test.eventLog.append([toRunEvent(aRun())]));
  assertEquals(await next, [3]);
});

Deno.test("Subscription throws the errors of the event log", async () => {
  await using test = new FeedUnderTest({ replayLimits: { events: 0, characters: 0 } }).start();
  await test.subscribe();
  test.feed.emit(await test.append(1));
  const reader = await test.subscribe(0);
  test.eventLog.error = new Error("connection lost");
  await assertRejects(() => reader.next(), Error, "connection lost");
});

Deno.test("Subscription yields visible events, and events of no repository", async () => {
  await using test = new FeedUnderTest().start();
  const ofB = await test.subscribe(0, { visibility: () => Promise.resolve(new Set(["octo/b"])) });
  const ofNone = await test.subscribe(0, { visibility: () => Promise.resolve(new Set()) });
  for (const repository of ["octo/a", "Octo/B", "octo/bb"]) {
    await test.feed.publish(toRunEvent(aRun({ repository })));
  }
  await test.feed.publish(aStatus());
  assertEquals(await ofB.next(), [2, 4]);
  assertEquals(await ofNone.next(), [4]);
});

Deno.test("Subscription resolves the visibility before each batch, and waits for it", async () => {
  await using test = new FeedUnderTest().start();
  const requests: PromiseWithResolvers<ReadonlySet<string>>[] = [];
  const visibility = () => {
    requests.push(Promise.withResolvers());
    return requests.at(-1)?.promise ?? Promise.reject();
  };
  const reader = await test.subscribe(0, { visibility });
  const publish = () => test.feed.publish(toRunEvent(aRun({ repository: "octo/a" })));
  await publish();
  const first = reader.next();
  await waitUntil(() => requests.length === 1, "the visibility is requested");
  let hasArrived = false;
  void first.then(() => hasArrived = true);
  await publish();
  assertEquals(hasArrived, false);
  requests[0]?.resolve(new Set(["octo/a"]));
  assertEquals(await first, [1]);
  // Events that are hidden now are skipped permanently.
  const second = reader.next();
  await waitUntil(() => requests.length === 2, "the visibility is requested again");
  requests[1]?.resolve(new Set());
  await publish();
  await waitUntil(() => requests.length === 3, "the second batch is skipped");
  assertEquals(reader.subscription.lastSeq, 2);
  requests[2]?.resolve(new Set(["octo/a"]));
  assertEquals(await second, [3]);
});

Deno.test("Subscription throws the errors of the visibility, and yields nothing", async () => {
  await using test = new FeedUnderTest().start();
  const reader = await test.subscribe(0, {
    visibility: () => Promise.reject(new TypeError("unknown")),
  });
  await test.feed.publish(aStatus());
  await assertRejects(() => reader.next(), TypeError, "unknown");
});
