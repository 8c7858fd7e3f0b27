import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock as clock } from "../../src/clock.ts";
import { ActiveClients } from "../../src/feed/active_clients.ts";
import { Presence, type PresenceStore } from "../../src/cluster/presence.ts";

/** A presence store in memory that fails on request. */
class MemoryPresences implements PresenceStore {
  readonly #until = new Map<string, number>();
  isDown = false;

  async renew(instance: string, { ttlMs }: { ttlMs: number }): Promise<void> {
    await this.#respond();
    this.#until.set(instance, Date.now() + ttlMs);
  }

  async remove(instance: string): Promise<void> {
    await this.#respond();
    this.#until.delete(instance);
  }

  async isActiveElsewhere(instance: string): Promise<boolean> {
    await this.#respond();
    return [...this.#until].some(([other, until]) => other !== instance && until > Date.now());
  }

  async #respond(): Promise<void> {
    await Promise.resolve();
    if (this.isDown) throw new Error("Away");
  }
}

/** Two instances, with `a` as the leader. `await using` stops both. */
class TwoInstances implements AsyncDisposable {
  readonly store = new MemoryPresences();
  readonly a = new ActiveClients();
  readonly b = new ActiveClients();
  readonly #stops = [new AbortController(), new AbortController(), new AbortController()];
  readonly #finished: Promise<void>[];

  constructor() {
    const presence = (instance: string, activeClients: ActiveClients) =>
      new Presence({ store: this.store, activeClients, instance, clock });
    const [a, b] = [presence("a", this.a), presence("b", this.b)];
    const [runA, watch, runB] = this.#stops.map(({ signal }) => signal);
    const never = AbortSignal.abort();
    this.#finished = [a.run(runA ?? never), a.watch(watch ?? never), b.run(runB ?? never)];
  }

  endWatch(): void {
    this.#stops[1]?.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stops) stop.abort();
    await Promise.all(this.#finished);
  }
}

Deno.test("Presence counts the clients of another instance as one client", async () => {
  using time = new FakeTime(0);
  await using two = new TwoInstances();
  await time.tickAsync(5_000);
  assertEquals([two.a.size, two.b.size], [0, 0]);
  two.b.add();
  two.b.add();
  await time.tickAsync(2_100);
  assertEquals([two.a.size, two.b.size], [1, 2]);
  await time.tickAsync(60_000);
  assertEquals([two.a.size, two.b.size], [1, 2]);
  two.b.remove();
  two.b.remove();
  await time.tickAsync(2_100);
  assertEquals([two.a.size, two.b.size], [0, 0]);
});

Deno.test("Presence does not publish the clients of other instances", async () => {
  using time = new FakeTime(0);
  await using two = new TwoInstances();
  two.b.add();
  await time.tickAsync(5_000);
  assertEquals(two.a.size, 1);
  assertEquals(await two.store.isActiveElsewhere("b"), false);
});

Deno.test("Presence stops counting clients of other instances when `watch` ends", async () => {
  using time = new FakeTime(0);
  await using two = new TwoInstances();
  two.a.add();
  two.b.add();
  await time.tickAsync(5_000);
  assertEquals(two.a.size, 2);
  two.endWatch();
  await time.tickAsync(1_100);
  assertEquals(two.a.size, 1);
});

Deno.test("Presence changes nothing while its store is unavailable", async () => {
  using time = new FakeTime(0);
  await using two = new TwoInstances();
  two.b.add();
  await time.tickAsync(5_000);
  two.store.isDown = true;
  await time.tickAsync(30_000);
  assertEquals(two.a.size, 1);
  two.store.isDown = false;
  await time.tickAsync(5_000);
  assertEquals([two.a.size, await two.store.isActiveElsewhere("a")], [1, true]);
});
