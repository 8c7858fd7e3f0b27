import type { Clock } from "../clock.ts";
import type { EncodedEvent } from "./encoded.ts";
import type { Batch, Gap } from "./follower.ts";
import { CLOSE_TOO_SLOW, MAX_BEHIND_MS, MAX_BUFFERED_BYTES, type Sink } from "./outbox.ts";

/** How soon a client that is behind is looked at again: first, and at the latest. */
const FIRST_LOOK_MS = 4;
const LAST_LOOK_MS = 250;

export interface ForwardOptions {
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
export async function forward(
  batches: AsyncIterable<Batch>,
  { sink, encode = oneEach, snapshot, ...options }: ForwardOptions,
): Promise<void> {
  for await (const batch of batches) {
    const frames = "gap" in batch ? [gapFrame(batch.gap), await snapshot()] : encode(batch.events);
    for (const frame of frames) {
      if (frame === undefined) continue;
      if (!(await hasRoom(sink, options))) return;
      sink.send(frame);
    }
  }
}

function oneEach(events: readonly EncodedEvent[]): readonly string[] {
  return events.map(({ json }) => json);
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
