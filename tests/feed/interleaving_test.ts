import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { Feed } from "../../src/feed/feed.ts";
import type { Batch } from "../../src/feed/subscription.ts";
import { aStatus, FakeEventLog } from "../fakes/stores/event_log.ts";
import { allVisible } from "../fakes/visibility.ts";

/** What can happen; `pick` chooses among what there is then. */
const STEP = fc.oneof(
  { weight: 4, arbitrary: step("append") },
  { weight: 4, arbitrary: step("tell") },
  { weight: 1, arbitrary: step("forget to tell") },
  { weight: 2, arbitrary: step("join") },
  { weight: 6, arbitrary: step("read") },
  { weight: 2, arbitrary: step("resume") },
  { weight: 1, arbitrary: step("prune") },
  { weight: 2, arbitrary: step("wait") },
);

type Kind = "append" | "tell" | "forget to tell" | "join" | "read" | "resume" | "prune" | "wait";

interface Step {
  readonly kind: Kind;
  readonly pick: number;
}

function step(kind: Kind): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant(kind), pick: fc.nat(99) });
}

/** One client, over all its connections: it knows the number it has, and checks what comes. */
class Client {
  /** The number of the last event that it had; `undefined` before it has connected. */
  lastSeq: number | undefined;
  gaps = 0;
  #cut = new AbortController();
  #batches: AsyncIterator<Batch> | undefined;
  #pending: Promise<IteratorResult<Batch>> | undefined;

  constructor(readonly feed: Feed, readonly eventLog: FakeEventLog) {}

  /** Connects (again), after the last event that it had, or where it is told to. */
  async connect(since = this.lastSeq): Promise<void> {
    this.disconnect();
    this.#cut = new AbortController();
    this.#pending = undefined;
    const subscription = await this.feed.subscribe({
      since,
      visibility: allVisible,
      signal: this.#cut.signal,
    });
    this.lastSeq = subscription.lastSeq;
    this.#batches = subscription[Symbol.asyncIterator]();
  }

  disconnect(): void {
    this.#cut.abort();
  }

  /** Asks for a batch, and takes it if it comes soon. */
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

/** Long enough for whatever needs no timer. */
async function soon(): Promise<undefined> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Does all the steps, then lets everybody read to the end. Returns how many gaps there were. */
async function play(steps: readonly Step[]): Promise<number> {
  const eventLog = new FakeEventLog();
  const stop = new AbortController();
  // Holes are read from the journal at once, so that a thousand plays take no time.
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
    } else if (kind === "tell") {
      feed.emit(unpublished.splice(pick % (unpublished.length || 1), 1)[0] ?? []);
    } else if (kind === "forget to tell") unpublished.splice(pick % (unpublished.length || 1), 1);
    else if (kind === "join") {
      const joined = new Client(feed, eventLog);
      clients.push(joined);
      await joined.connect(pick % 2 ? pick % (last + 3) : undefined);
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

Deno.test("Feed gives every follower every event once and in order, or a gap, whatever happens when", async () => {
  let gaps = 0;
  let events = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 20, maxLength: 80, size: "max" }),
      async (steps) => {
        gaps += await play(steps);
        events += steps.length;
      },
    ),
    { numRuns: 100, seed: 20_261_122 },
  );
  assert(gaps > 100, `${gaps} gaps in ${events} steps`);
});
