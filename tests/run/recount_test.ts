import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { systemClock } from "../../src/clock.ts";
import { StorageError } from "../../src/errors.ts";
import { Recounter, type Recounts } from "../../src/run/recount.ts";

class FakeRecounts implements Recounts {
  left = 0;
  failures = 0;

  repositories(): Promise<number> {
    return Promise.resolve(this.left);
  }

  next(): Promise<number | undefined> {
    if (this.failures-- > 0) return Promise.reject(new StorageError("unavailable", "Away"));
    return Promise.resolve(this.left === 0 ? undefined : this.left--);
  }
}

Deno.test("Recounter counts until nothing is left, and looks again", async () => {
  using time = new FakeTime();
  const recounts = new FakeRecounts();
  const stop = new AbortController();
  recounts.left = 3;
  const running = new Recounter(recounts, systemClock).run(stop.signal);
  await time.tickAsync(1_000);
  assertEquals(recounts.left, 0);
  recounts.left = 1;
  await time.tickAsync(31_000);
  assertEquals(recounts.left, 0);
  stop.abort();
  await running;
});

Deno.test("Recounter goes on after the storage was away", async () => {
  using time = new FakeTime();
  const recounts = new FakeRecounts();
  const stop = new AbortController();
  recounts.left = 2;
  recounts.failures = 1;
  const running = new Recounter(recounts, systemClock).run(stop.signal);
  await time.tickAsync(1_000);
  assertEquals(recounts.left, 2);
  await time.tickAsync(31_000);
  assertEquals(recounts.left, 0);
  stop.abort();
  await running;
});
