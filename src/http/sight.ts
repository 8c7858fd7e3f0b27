import type { Visible } from "../account/visible.ts";
import type { Clock } from "../clock.ts";
import { RefusedError, StorageError } from "../errors.ts";

const RETRY_MS = 5_000;

/**
 * What may be seen, as soon as that can be known: while it cannot, a client that stays connected is told nothing, and is not
 * sent away. Once `signal` has aborted, which is the client's own, it is nothing.
 * @throws {LoginRefusedError} as Caller does
 */
export function onceKnown(
  visible: () => Promise<Visible>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): () => Promise<Visible> {
  return async () => {
    while (!signal.aborted) {
      try {
        return await visible();
      } catch (error) {
        if (!(error instanceof RefusedError || error instanceof StorageError)) throw error;
      }
      await clock.sleep(RETRY_MS, signal);
    }
    return new Set();
  };
}
