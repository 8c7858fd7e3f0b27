import { type Clock, monotonicNow } from "../clock.ts";
import { LatencyHistogram } from "../latency_histogram.ts";

/** Longer delays are measured in full, shorter ones in proportion. */
const SAMPLE_INTERVAL_MS = 200;

/** Measures how late timers run: every request waits at least this long. */
export class EventLoopDelay {
  readonly histogram = new LatencyHistogram();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const start = monotonicNow();
      await this.#clock.sleep(SAMPLE_INTERVAL_MS, signal);
      if (signal.aborted) return;
      this.histogram.observe(Math.max(0, monotonicNow() - start - SAMPLE_INTERVAL_MS) / 1_000);
    }
  }
}
