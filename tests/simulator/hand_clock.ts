import type { Clock } from "../../src/clock.ts";

/** A clock that only moves when a test moves it. */
export class HandClock implements Clock {
  #now: number;
  readonly #alarms = new Set<{ readonly at: number; readonly ring: () => void }>();

  constructor(start: string | number = "2026-01-01T00:00:00Z") {
    this.#now = new Date(start).getTime();
  }

  now(): number {
    return this.#now;
  }

  /** How many sleep. */
  get sleeping(): number {
    return this.#alarms.size;
  }

  /** Resolves when someone sleeps; throws when nobody does within two seconds of real time. */
  async untilAsleep(): Promise<void> {
    for (let i = 0; this.sleeping === 0; i++) {
      if (i === 400) throw new Error("Cannot wait longer: nobody sleeps");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Moves the time on and wakes whoever has slept enough. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
    for (const alarm of this.#alarms) if (alarm.at <= this.#now) alarm.ring();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const ring = () => {
        this.#alarms.delete(alarm);
        signal?.removeEventListener("abort", ring);
        resolve();
      };
      const alarm = { at: this.#now + ms, ring };
      if (signal?.aborted) return resolve();
      this.#alarms.add(alarm);
      signal?.addEventListener("abort", ring);
    });
  }

  every(): () => void {
    throw new Error("Cannot tick: a HandClock has no intervals");
  }
}
