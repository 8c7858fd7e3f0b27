/**
 * The one place that reads the time or sets a timer. Tests replace the timers beneath it (FakeTime) or
 * pass a Clock of their own.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts: the caller looks at its signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
}

/** Milliseconds of a clock that nobody sets: differences alone mean something. */
export function monotonicNow(): number {
  return performance.now();
}

/** Of UTC, which has no summer time. */
export const DAY_MS = 24 * 60 * 60 * 1_000;

/** When a UTC day such as 2026-01-31 begins, in ms since the epoch; `undefined` when there is no such day since the epoch. */
export function parseUtcDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const start = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes 2026-02-30 for 2 March.
  return start >= 0 && formatUtcDay(start) === text ? start : undefined;
}

/** The UTC day of a time in ms since the epoch, for example 2026-01-31. */
export function formatUtcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export const systemClock: Clock = {
  now: () => Date.now(),

  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    });
  },

  every(ms, tick) {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
};

/**
 * The answer, where it comes within `ms`.
 * @throws {Error} where it does not
 */
export async function withTimeout<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const timeout = clock.sleep(ms, timer.signal).then((): never => {
    throw new Error(`No answer within ${ms} ms`);
  });
  // Whichever comes later is heard by nobody.
  for (const pending of [timeout, promise]) pending.catch(() => {});
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}
