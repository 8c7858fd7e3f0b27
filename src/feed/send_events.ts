import type { Clock } from "../clock.ts";
import type { EncodedEvent } from "./event.ts";
import type { Batch, Gap } from "./subscription.ts";
import {
  CLOSE_TOO_SLOW,
  MAX_BUFFERED_BYTES,
  type Sink,
  SLOW_CLIENT_TIMEOUT_MS,
} from "./latest_queue.ts";

/** How soon a client that is behind is looked at again: first, and at the latest. */
const MIN_BACKOFF_MS = 4;
const MAX_BACKOFF_MS = 250;

export interface SendEventsOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The frames of events that have come together: one each, unless they go in arrays. */
  readonly encode?: (events: readonly EncodedEvent[]) => Iterable<string>;
  /** The snapshot that follows a gap, where there is one. */
  readonly snapshot: () => Promise<string | undefined>;
}

/**
 * Sends a follower's events to `sink`, one a frame or in arrays, as fast as the client reads; after a gap,
 * `{"type":"gap","since","first","last"}` and a snapshot, which are objects either way. Resolves when the follower ends, or
 * the client was closed because it was behind for too long.
 */
export async function sendEvents(
  batches: AsyncIterable<Batch>,
  { sink, encode = encodeEach, snapshot, ...options }: SendEventsOptions,
): Promise<void> {
  for await (const batch of batches) {
    const frames = "gap" in batch ? [gapFrame(batch.gap), await snapshot()] : encode(batch.events);
    for (const frame of frames) {
      if (frame === undefined) continue;
      if (!(await waitForDrain(sink, options))) return;
      sink.send(frame);
    }
  }
}

function encodeEach(events: readonly EncodedEvent[]): readonly string[] {
  return events.map(({ json }) => json);
}

function gapFrame({ since, first, last }: Gap): string {
  return JSON.stringify({ type: "gap", since, first, last });
}

/** Resolves to `true` as soon as the client has read enough, to `false` when it is gone, or closed as too slow. */
async function waitForDrain(
  sink: Sink,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<boolean> {
  const slowSince = clock.now();
  for (let pause = MIN_BACKOFF_MS; !signal.aborted; pause = Math.min(2 * pause, MAX_BACKOFF_MS)) {
    if (sink.bufferedAmount <= MAX_BUFFERED_BYTES) return true;
    if (clock.now() - slowSince >= SLOW_CLIENT_TIMEOUT_MS) {
      sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
      return false;
    }
    await clock.sleep(pause, signal);
  }
  return false;
}
