import type { Clock } from "../../clock.ts";
import { isTransient } from "../../errors.ts";
import type { Visibility } from "../../visibility.ts";

const RETRY_MS = 5_000;

/**
 * Wraps `resolve` so that it retries while GitHub or the storage is unavailable: an open connection receives no data in the
 * meantime, but stays open. Synchronous if `resolve` is. Nothing is visible after `signal`, which the connection owns, aborts.
 * @throws {TokenRejectedError} as `Principal.visibility` does
 */
export function retryVisibility(
  resolve: () => Visibility | Promise<Visibility>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): () => Visibility | Promise<Visibility> {
  const nothing = new Set<string>();
  const retry = async (first: Promise<Visibility>): Promise<Visibility> => {
    for (let result: Visibility | Promise<Visibility> = first;;) {
      try {
        return await result;
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      await clock.sleep(RETRY_MS, signal);
      if (signal.aborted) return nothing;
      result = resolve();
    }
  };
  return () => {
    if (signal.aborted) return nothing;
    const result = resolve();
    return result instanceof Promise ? retry(result) : result;
  };
}
