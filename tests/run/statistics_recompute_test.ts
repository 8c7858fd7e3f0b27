import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { StorageError } from "../../src/errors.ts";
import { type RecomputeQueue, StatisticsRecomputer } from "../../src/run/statistics_recompute.ts";

class FakeRecomputeQueue implements RecomputeQueue {
  remaining = 0;
  failures = 0;

  countRepositories(): Promise<number> {
    return Promise.resolve(this.remaining);
  }

  recomputeNext(): Promise<number | undefined> {
    if (this.failures-- > 0) {
      return Promise.reject(new StorageError("unavailable", "Database unavailable"));
    }
    return Promise.resolve(this.remaining === 0 ? undefined : this.remaining--);
  }
}

Deno.test("StatisticsRecomputer empties the queue, and polls it again", async () => {
  using time = new FakeTime();
  const queue = new FakeRecomputeQueue();
  const stop = new AbortController();
  queue.remaining = 3;
  const running = new StatisticsRecomputer(queue, systemClock).run(stop.signal);
  await time.tickAsync(1_000);
  assertEquals(queue.remaining, 0);
  queue.remaining = 1;
  await time.tickAsync(31_000);
  assertEquals(queue.remaining, 0);
  stop.abort();
  await running;
});

Deno.test("StatisticsRecomputer continues after a storage failure", async () => {
  using time = new FakeTime();
  const queue = new FakeRecomputeQueue();
  const stop = new AbortController();
  queue.remaining = 2;
  queue.failures = 1;
  const running = new StatisticsRecomputer(queue, systemClock).run(stop.signal);
  await time.tickAsync(1_000);
  assertEquals(queue.remaining, 2);
  await time.tickAsync(31_000);
  assertEquals(queue.remaining, 0);
  stop.abort();
  await running;
});
