import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock as clock } from "../../src/clock.ts";
import { LeaderElection } from "../../src/cluster/leader_election.ts";
import type { FencingTokens, Lease, Term } from "../../src/cluster/lease.ts";

/** A lease in memory that several instances share; a test can disconnect each of them. */
class MemoryLease implements Lease, FencingTokens {
  #holder: string | undefined;
  #until = 0;
  #fencingToken = 0;
  readonly unreachable = new Set<string>();

  async acquire(holder: string, { ttlMs }: { ttlMs: number }): Promise<number | undefined> {
    await this.#respond(holder);
    if (this.#holder !== undefined && this.#holder !== holder && Date.now() < this.#until) {
      return undefined;
    }
    this.#holder = holder;
    this.#until = Date.now() + ttlMs;
    return ++this.#fencingToken;
  }

  async renew(holder: string, { ttlMs }: { ttlMs: number }): Promise<boolean> {
    await this.#respond(holder);
    if (this.#holder !== holder || Date.now() >= this.#until) return false;
    this.#until = Date.now() + ttlMs;
    return true;
  }

  async release(holder: string): Promise<void> {
    await this.#respond(holder);
    if (this.#holder === holder) this.#holder = undefined;
  }

  current(): Promise<number> {
    return Promise.resolve(this.#fencingToken);
  }

  advance({ fencingToken }: Term): Promise<boolean> {
    return Promise.resolve(fencingToken === this.#fencingToken);
  }

  async #respond(holder: string): Promise<void> {
    await Promise.resolve();
    if (this.unreachable.has(holder.split("/")[0] ?? "")) await new Promise(() => {});
  }
}

/** Instances that share a lease, and a log of their terms. `await using` stops them. */
class Instances implements AsyncDisposable {
  readonly lease = new MemoryLease();
  /** The current leaders. */
  readonly working = new Set<string>();
  /** `a 0`: instance a started at 0 ms; `-a 8000`: it stopped at 8000 ms. */
  readonly log: string[] = [];
  readonly #stops = new Map<string, AbortController>();
  readonly #finished: Promise<void>[] = [];
  readonly all = new Map<string, LeaderElection>();

  constructor(readonly time: FakeTime) {}

  async start(holder: string, work?: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const election = new LeaderElection({
      lease: this.lease,
      fencingTokens: this.lease,
      holder,
      clock,
    });
    const stop = new AbortController();
    this.#stops.set(holder, stop);
    this.all.set(holder, election);
    this.#finished.push(
      election.run(work ?? ((signal) => this.#work(holder, signal)), stop.signal),
    );
    await this.time.runMicrotasks();
  }

  async stop(holder: string): Promise<void> {
    this.#stops.get(holder)?.abort();
    await this.time.runMicrotasks();
  }

  async #work(holder: string, signal: AbortSignal): Promise<void> {
    this.log.push(`${holder} ${Date.now()}`);
    this.working.add(holder);
    assertEquals(this.working.size, 1);
    await clock.sleep(1e9, signal);
    this.working.delete(holder);
    this.log.push(`-${holder} ${Date.now()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops.values()) stop.abort();
    await this.time.tickAsync(5_000);
    await Promise.all(this.#finished);
  }
}

Deno.test("LeaderElection.run() has one leader, until it stops", async () => {
  using time = new FakeTime(0);
  await using instances = new Instances(time);
  await instances.start("a");
  await instances.start("b");
  await time.tickAsync(120_000);
  assertEquals(instances.log, ["a 0"]);
  assertEquals(instances.all.get("a")?.term?.fencingToken, 1);
  assertEquals(instances.all.get("b")?.term, undefined);
});

Deno.test("LeaderElection.run() has a new leader at once when the leader stops", async () => {
  using time = new FakeTime(0);
  await using instances = new Instances(time);
  await instances.start("a");
  await instances.start("b");
  await time.tickAsync(5_000);
  await instances.stop("a");
  await time.tickAsync(2_000);
  assertEquals(instances.log, ["a 0", "-a 5000", "b 6000"]);
});

Deno.test("LeaderElection.run() ends the work before another instance can start, if the lease is unreachable", async () => {
  using time = new FakeTime(0);
  await using instances = new Instances(time);
  await instances.start("a");
  await instances.start("b");
  await time.tickAsync(3_500);
  instances.lease.unreachable.add("a");
  await time.tickAsync(15_000);
  // The lease was renewed at 3,000, and expires at 13,000.
  assertEquals(instances.log, ["a 0", "-a 11000", "b 14000"]);
  instances.lease.unreachable.delete("a");
  await time.tickAsync(60_000);
  assertEquals(instances.log.length, 3);
});

Deno.test("LeaderElection.checkExpired() ends the work of a paused instance, before any timer does", async () => {
  using time = new FakeTime(0);
  await using instances = new Instances(time);
  const aborted: number[] = [];
  await instances.start("a", async (signal) => {
    signal.addEventListener("abort", () => aborted.push(Date.now()), { once: true });
    await clock.sleep(1e9, signal);
  });
  const a = instances.all.get("a");
  assert(a?.term);
  // As after SIGCONT: the clock has advanced, and no timer has fired yet.
  const pausedAt = Date.now;
  Date.now = () => pausedAt() + 9_000;
  try {
    a.checkExpired();
    assertEquals(aborted, [9_000]);
    assertEquals(a.term, undefined);
  } finally {
    Date.now = pausedAt;
  }
});

Deno.test("LeaderElection.checkExpired() does not trust a clock that was set back", async () => {
  using time = new FakeTime(1_000_000);
  await using instances = new Instances(time);
  await instances.start("a");
  const now = Date.now;
  Date.now = () => now() - 3_600_000;
  try {
    assertEquals(instances.all.get("a")?.term, undefined);
  } finally {
    Date.now = now;
  }
});

Deno.test("LeaderElection.run() fails with the work, and releases the lease", async () => {
  using time = new FakeTime(0);
  const lease = new MemoryLease();
  const election = new LeaderElection({ lease, fencingTokens: lease, holder: "a", clock });
  const failing = election.run(
    () => Promise.reject(new Error("No")),
    new AbortController().signal,
  )
    .catch(({ message }) => message);
  await time.tickAsync(100);
  assertEquals(await failing, "No");
  assertEquals(await lease.acquire("b", { ttlMs: 1 }), 2);
});
