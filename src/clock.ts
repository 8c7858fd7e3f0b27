/**
 * Reads the time and sets timers; no other file does. Tests replace the timers below it (FakeTime) or pass their own Clock.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Resolves after `ms`, or immediately when `signal` aborts; the caller checks the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
}

/** Milliseconds of a monotonic clock; only differences are meaningful. */
export function monotonicNow(): number {
  return performance.now();
}

/** The length of a UTC day, which has no daylight saving time. */
export const DAY_MS = 24 * 60 * 60 * 1_000;

/** Returns the start of a UTC day such as 2026-01-31, in ms since the epoch; `undefined` if it is no date since the epoch. */
export function parseUtcDay(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const start = Date.parse(`${text}T00:00:00Z`);
  // Date.parse reads 2026-02-30 as March 2.
  return start >= 0 && formatUtcDay(start) === text ? start : undefined;
}

/** Returns the UTC day, such as 2026-01-31, of a time in ms since the epoch. */
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

/** Thrown by `withTimeout`. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

const EXPIRED = Symbol("expired");

/**
 * The value of `promise`.
 * @throws {TimeoutError} after `ms`
 */
export async function withTimeout<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const timeout = clock.sleep(ms, timer.signal).then((): typeof EXPIRED => EXPIRED);
  // A rejection after the timeout is ignored.
  promise.catch(() => {});
  try {
    const result = await Promise.race([promise, timeout]);
    if (result === EXPIRED) throw new TimeoutError(`No answer within ${ms} ms`);
    return result;
  } finally {
    timer.abort();
  }
}

/**
 * Waits for `promise`, at most `ms`.
 * @throws what `promise` rejects with before that
 */
export async function waitAtMost(
  clock: Clock,
  ms: number,
  promise: Promise<unknown>,
): Promise<void> {
  try {
    await withTimeout(clock, ms, promise);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
}
