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

/** Goes on by itself, and jumps ahead when it is told to; its timers are real. */
export class JumpingClock implements Clock {
  readonly sleep = systemClock.sleep;
  readonly every = systemClock.every;
  #ahead = 0;

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  jump(ms: number): void {
    this.#ahead += ms;
  }
}
