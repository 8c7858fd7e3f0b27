import type { Clock } from "../clock.ts";
import { arraysOf } from "./encoded.ts";
import type { Batch, Gap } from "./follower.ts";
import { CLOSE_TOO_SLOW, MAX_BEHIND_MS, MAX_BUFFERED_BYTES, type Sink } from "./outbox.ts";

/** How soon a client that is behind is looked at again: first, and at the latest. */
const FIRST_LOOK_MS = 4;
const LAST_LOOK_MS = 250;

export interface ForwardOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether events that come together are sent together: every frame about events is a JSON array of them. */
  readonly batch?: boolean;
  /** The snapshot that follows a gap, where there is one. */
  readonly snapshot: () => Promise<string | undefined>;
}

/**
 * Sends a follower's events to `sink`, one a frame or in arrays, as fast as the client reads; after a gap,
 * `{"type":"gap","since","first","last"}` and a snapshot, which are objects either way. An array is as long as may wait for
 * the client, unless a single event is longer. Resolves when the follower ends, or the client was closed because it was
 * behind for too long.
 */
export async function forward(
  batches: AsyncIterable<Batch>,
  { sink, batch: isBatching = false, snapshot, ...options }: ForwardOptions,
): Promise<void> {
  for await (const batch of batches) {
    const frames = "gap" in batch
      ? [gapFrame(batch.gap), await snapshot()]
      : isBatching
      ? arraysOf(batch.events, MAX_BUFFERED_BYTES)
      : batch.events.map((event) => event.json);
    for (const frame of frames) {
      if (frame === undefined) continue;
      if (!(await hasRoom(sink, options))) return;
      sink.send(frame);
    }
  }
}

function gapFrame({ since, first, last }: Gap): string {
  return JSON.stringify({ type: "gap", since, first, last });
}

/** Resolves to `true` as soon as the client has read enough, to `false` when it is gone, or closed as too slow. */
async function hasRoom(
  sink: Sink,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<boolean> {
  const behindSince = clock.now();
  for (let pause = FIRST_LOOK_MS; !signal.aborted; pause = Math.min(2 * pause, LAST_LOOK_MS)) {
    if (sink.bufferedAmount <= MAX_BUFFERED_BYTES) return true;
    if (clock.now() - behindSince >= MAX_BEHIND_MS) {
      sink.close(CLOSE_TOO_SLOW, "The client reads too slowly");
      return false;
    }
    await clock.sleep(pause, signal);
  }
  return false;
}
