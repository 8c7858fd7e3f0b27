import { type Clock, monotonicNow } from "../clock.ts";
import { LatencyHistogram } from "../latency_histogram.ts";

/** How often it is looked. What holds the loop up for longer is seen in full, and what is shorter in its share of the time. */
const SAMPLE_INTERVAL_MS = 200;

/** How late the event loop comes to what is due: everybody who is connected waits for so long. */
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
