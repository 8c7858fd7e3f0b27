import type { Clock } from "../../src/clock.ts";

/** A clock that only moves when a test moves it. */
export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  constructor(start: string | number = "2026-01-01T00:00:00Z") {
    this.#now = new Date(start).getTime();
  }

  now(): number {
    return this.#now;
  }

  /** How many sleep. */
  get sleeperCount(): number {
    return this.#sleepers.size;
  }

  /** Resolves when someone sleeps; throws when nobody does within two seconds of real time. */
  async waitForSleeper(): Promise<void> {
    for (let i = 0; this.sleeperCount === 0; i++) {
      if (i === 400) throw new Error("Cannot wait longer: nobody sleeps");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Moves the time on and wakes whoever has slept enough. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
    for (const sleeper of this.#sleepers) if (sleeper.at <= this.#now) sleeper.wake();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { at: this.#now + ms, wake };
      if (signal?.aborted) return resolve();
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
    });
  }

  every(): () => void {
    throw new Error("Cannot tick: a HandClock has no intervals");
  }
}
