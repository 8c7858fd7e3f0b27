import { type Clock, systemClock } from "../../src/clock.ts";

/** A clock that runs `factor` times faster than the system clock. */
export function acceleratedClock(factor: number): Clock {
  const start = systemClock.now();
  return {
    now: () => start + (systemClock.now() - start) * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
    every: (ms, tick) => systemClock.every(ms / factor, tick),
  };
}
