import type { Clock } from "../../src/clock.ts";

/** A clock that a test advances. */
export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  constructor(start: string | number = "2026-01-01T00:00:00Z") {
    this.#now = new Date(start).getTime();
  }

  now(): number {
    return this.#now;
  }

  get sleeperCount(): number {
    return this.#sleepers.size;
  }

  /** Resolves once a sleep is pending; throws after two seconds of real time. */
  async waitForSleeper(): Promise<void> {
    for (let i = 0; this.sleeperCount === 0; i++) {
      if (i === 400) throw new Error("timed out waiting for a sleeper");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Advances the time and wakes due sleepers. */
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
    throw new Error("FakeClock has no intervals");
  }
}
