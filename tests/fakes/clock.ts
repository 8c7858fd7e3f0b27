import { type Clock, systemClock } from "../../src/clock.ts";

/** Tells the time to which it is set; its timers are real. */
export class ManualClock implements Clock {
  readonly sleep = systemClock.sleep;
  readonly every = systemClock.every;

  constructor(public time: number) {}

  now(): number {
    return this.time;
  }
}

/** Goes on by itself, and jumps ahead when it is told to; its timers are real. */
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
