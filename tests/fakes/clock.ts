import { type Clock, systemClock } from "../../src/clock.ts";

/** A clock with a fixed time and real timers. */
export class ManualClock implements Clock {
  readonly sleep = systemClock.sleep;
  readonly every = systemClock.every;

  constructor(public time: number) {}

  now(): number {
    return this.time;
  }
}

/** A clock that `advance` moves forward, with real timers. */
export class OffsetClock implements Clock {
  readonly sleep = systemClock.sleep;
  readonly every = systemClock.every;
  #offsetMs = 0;

  now(): number {
    return systemClock.now() + this.#offsetMs;
  }

  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}
