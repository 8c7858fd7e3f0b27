import type { Clock } from "../clock.ts";
import type { EncodedEvent } from "./event.ts";
import { SendQueue } from "./send_queue.ts";
import type { Sink } from "./slow_client.ts";
import type { Batch, Gap } from "./subscription.ts";

interface SendEventsOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
  /** Encodes the events of a batch as frames; without it each event is a frame. */
  readonly encode?: (events: readonly EncodedEvent[]) => Iterable<string>;
  /** Returns the snapshot to send after a gap; `undefined` without one. */
  readonly encodeSnapshot: () => Promise<string | undefined>;
}

/**
 * Sends the events of a subscription to `sink` as fast as the client reads. After a gap, sends
 * `{"type":"gap","since","first","last"}` and a snapshot; both are objects in every encoding. Resolves when the subscription
 * ends, or when the client disconnects or is closed because it is slow.
 */
export async function sendEvents(
  batches: AsyncIterable<Batch>,
  { sink, encode = encodeEach, encodeSnapshot, clock, signal }: SendEventsOptions,
): Promise<void> {
  const queue = new SendQueue(sink, "all");
  for await (const batch of batches) {
    const frames = "gap" in batch
      ? [gapFrame(batch.gap), await encodeSnapshot()]
      : encode(batch.events);
    for (const frame of frames) {
      if (frame === undefined) continue;
      if (signal.aborted) return;
      // Only a slow client costs a promise for each frame.
      if (queue.send(frame, clock.now()) && !(await queue.drain({ clock, signal }))) return;
    }
  }
}

function encodeEach(events: readonly EncodedEvent[]): readonly string[] {
  return events.map(({ json }) => json);
}

function gapFrame({ since, first, last }: Gap): string {
  return JSON.stringify({ type: "gap", since, first, last });
}
