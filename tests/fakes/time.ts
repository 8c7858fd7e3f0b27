// FakeTime with the API of @std/testing/time, over @sinonjs/fake-timers.
// @ts-types="@types/sinonjs__fake-timers"
import { type Clock, install, type InstalledMethods } from "@sinonjs/fake-timers";

/** Replaces Date and the timers until it is disposed of: `using time = new FakeTime()`. */
export class FakeTime {
  readonly #clock: Clock & InstalledMethods;

  constructor(start: number | string | Date = Date.now()) {
    // Microtasks and nextTick stay real; otherwise no await would resume.
    this.#clock = install({
      now: new Date(start).getTime(),
      toFake: ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    });
  }

  get now(): number {
    return this.#clock.now;
  }

  tick(ms = 0): void {
    this.#clock.tick(ms);
  }

  async tickAsync(ms = 0): Promise<void> {
    await this.#clock.tickAsync(ms);
  }

  /** Sets the system clock, which moves no timer. */
  setNow(now: number): void {
    this.#clock.setSystemTime(now);
  }

  async runMicrotasks(): Promise<void> {
    await this.#clock.tickAsync(0);
  }

  restore(): void {
    this.#clock.uninstall();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
