import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { AccountSweep } from "../../src/account/sweep.ts";
import { systemClock } from "../../src/clock.ts";
import { StorageError } from "../../src/errors.ts";

const HOUR_MS = 60 * 60_000;

Deno.test("AccountSweep forgets what has expired every hour, until it is stopped", async () => {
  using time = new FakeTime();
  let swept = 0;
  const sessions = {
    sweep: () =>
      ++swept === 1
        ? Promise.reject(new StorageError("unavailable", "Locked"))
        : Promise.resolve(1),
  };
  let tickets = 0;
  const stop = new AbortController();
  const running = new AccountSweep({
    sessions,
    tickets: { sweep: () => Promise.resolve(++tickets) },
    clock: systemClock,
  }).run(stop.signal);
  await time.tickAsync(0);
  assertEquals([swept, tickets], [1, 0]);
  await time.tickAsync(HOUR_MS - 1);
  assertEquals(swept, 1);
  await time.tickAsync(1);
  assertEquals([swept, tickets], [2, 1]);
  stop.abort();
  await running;
  await time.tickAsync(2 * HOUR_MS);
  assertEquals(swept, 2);
});
