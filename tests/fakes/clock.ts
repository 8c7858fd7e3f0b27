import { type Clock, systemClock } from "../../src/clock.ts";

/** Tells the time to which it is set; its timers are real. */
export class SetClock implements Clock {
  readonly sleep = systemClock.sleep;
  readonly every = systemClock.every;

  constructor(public time: number) {}

  now(): number {
    return this.time;
  }
}
