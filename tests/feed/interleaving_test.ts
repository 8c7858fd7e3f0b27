import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { Feed } from "../../src/feed/feed.ts";
import type { Batch } from "../../src/feed/subscription.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { allVisible } from "../fakes/visibility.ts";

/** A step of a run; `pick` chooses among the clients or events at that time. */
const STEP = fc.oneof(
  { weight: 4, arbitrary: step("append") },
  { weight: 4, arbitrary: step("emit") },
  { weight: 1, arbitrary: step("lose") },
  { weight: 2, arbitrary: step("subscribe") },
  { weight: 6, arbitrary: step("read") },
  { weight: 2, arbitrary: step("resume") },
  { weight: 1, arbitrary: step("prune") },
  { weight: 2, arbitrary: step("wait") },
);

type Kind = "append" | "emit" | "lose" | "subscribe" | "read" | "resume" | "prune" | "wait";

interface Step {
  readonly kind: Kind;
  readonly pick: number;
}

function step(kind: Kind): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant(kind), pick: fc.nat(99) });
}

/** A client that resumes after each disconnect and checks the order of the events. */
class Client {
  /** The number of the last received event; `undefined` before the first connection. */
  lastSeq: number | undefined;
  gaps = 0;
  #connection = new AbortController();
  #batches: AsyncIterator<Batch> | undefined;
  #pending: Promise<IteratorResult<Batch>> | undefined;

  constructor(readonly feed: Feed, readonly eventLog: FakeEventLog) {}

  /** Connects or reconnects after number `since`. */
  async connect(since = this.lastSeq): Promise<void> {
    this.disconnect();
    this.#connection = new AbortController();
    this.#pending = undefined;
    const subscription = await this.feed.subscribe({
      since,
      visibility: allVisible,
      signal: this.#connection.signal,
    });
    this.lastSeq = subscription.lastSeq;
    this.#batches = subscription[Symbol.asyncIterator]();
  }

  disconnect(): void {
    this.#connection.abort();
  }

  /** Requests a batch, and checks it if it arrives soon. */
  async read(): Promise<void> {
    if (!this.#batches) return;
    this.#pending ??= this.#batches.next();
    const result = await Promise.race([this.#pending, soon()]);
    if (!result || result.done) return;
    this.#pending = undefined;
    if ("gap" in result.value) {
      const { since, first, last } = result.value.gap;
      assertEquals(since, this.lastSeq);
      assert(since > last || since + 1 < first, `no gap between ${since} and ${first}..${last}`);
      this.gaps++;
      this.lastSeq = last;
    } else {
      for (const { seq } of result.value.events) {
        assertEquals(seq, (this.lastSeq ?? 0) + 1);
        this.lastSeq = seq;
      }
    }
  }
}

/** Resolves after all work that needs no timer. */
async function soon(): Promise<undefined> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Runs the steps, then lets every client read to the end. Returns the number of gaps. */
async function runSteps(steps: readonly Step[]): Promise<number> {
  const eventLog = new FakeEventLog();
  const stop = new AbortController();
  // Missing events are read from the event log immediately, to keep the test fast.
  const clock = { ...systemClock, sleep: (_ms: number) => systemClock.sleep(0) };
  const feed = new Feed({
    eventLog,
    clock,
    replayLimits: { events: 4, characters: 10_000 },
    pageSize: 3,
  });
  const running = feed.run(stop.signal);
  const clients: Client[] = [];
  const unpublished: StoredEvent[][] = [];
  const pickFrom = <T>(list: readonly T[], pick: number) => list[pick % list.length];
  for (const { kind, pick } of steps) {
    const client = pickFrom(clients, pick);
    const { last } = await eventLog.seqRange();
    if (kind === "append") {
      const events = Array.from({ length: 1 + pick % 5 }, () => aStatus());
      unpublished.push([...await eventLog.append(events)]);
    } else if (kind === "emit") {
      feed.emit(unpublished.splice(pick % (unpublished.length || 1), 1)[0] ?? []);
    } else if (kind === "lose") unpublished.splice(pick % (unpublished.length || 1), 1);
    else if (kind === "subscribe") {
      const subscriber = new Client(feed, eventLog);
      clients.push(subscriber);
      await subscriber.connect(pick % 2 ? pick % (last + 3) : undefined);
    } else if (kind === "read") await client?.read();
    else if (kind === "resume") await client?.connect();
    else if (kind === "prune") await eventLog.prune({ before: 0, count: pick % 12 });
    else await systemClock.sleep(0);
  }
  feed.emit(await eventLog.append([aStatus()]));
  const { last } = await eventLog.seqRange();
  for (const client of clients) {
    for (let turn = 0; client.lastSeq !== last; turn++) {
      assert(turn < 200, `a client waits for ${last} with ${client.lastSeq}`);
      await client.read();
      await systemClock.sleep(0);
    }
  }
  for (const client of clients) client.disconnect();
  stop.abort();
  await running;
  return clients.reduce((sum, { gaps }) => sum + gaps, 0);
}

Deno.test("Feed yields every event once and in order, or a gap, in any interleaving", async () => {
  let gaps = 0;
  let events = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 20, maxLength: 80, size: "max" }),
      async (steps) => {
        gaps += await runSteps(steps);
        events += steps.length;
      },
    ),
    { numRuns: 100, seed: 20_261_122 },
  );
  assert(gaps > 100, `${gaps} gaps in ${events} steps`);
});
